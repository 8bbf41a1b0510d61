"""Generic layers, alone and beside the fast ones, against ONNX Runtime."""

import onnx
import pytest
from tests.compiler.graphs import agree, graph, random, shuffle_unit, simplified

from martlet.compiler.kernels.generic import merge, nest, row_steps
from martlet.compiler.lowering.lower import lower
from martlet.compiler.targets import TARGETS


def layers(model: onnx.ModelProto) -> list[str]:
    """The kinds of the layers that a network becomes, without the copies to its outputs."""
    program = lower(simplified(model), TARGETS["x86-64-v3"])
    inside = [layer for layer in program.layers if not layer.writes[0].outside]
    return [type(layer).__name__ for layer in inside]


def test_loops_over_neighbouring_axes_become_one() -> None:
    shape = (2, 3, 1, 4)
    assert merge(shape, [row_steps(shape), (0, 4, 9, 1)]) == ((2, 12), [(12, 1), (0, 1)])
    assert merge((1, 1), [(5, 5)]) == ((), [()])
    assert nest([2, 3], ["i", "j"], ["a;", "b;"]) == [
        "for (int i = 0; i < 2; i++)",
        "  for (int j = 0; j < 3; j++) {",
        "    a;",
        "    b;",
        "  }",
    ]


@pytest.mark.parametrize("batch", [1, 3])
def test_a_network_of_any_batch(batch: int) -> None:
    agree(shuffle_unit(), random(0, batch, 4, 8, 8))


def test_plain_layers_between_fast_ones() -> None:
    """Blocks to rows (an odd Transpose, a MatMul) and back again."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, w)
        b = Transpose <perm = [0, 1, 3, 2]> (a)
        c = MatMul (b, k)
        d = Sub (c, row)
        e = Conv <pads = [1, 1, 1, 1], strides = [2, 2]> (d, v)
        f = Mul (e, e)
        y = ReduceSum <keepdims = 0> (f, axes)"""
    model = graph(
        nodes, (1, 3, 6, 7), w=(20, 3, 3, 3), k=(6, 5), row=(7, 5), v=(9, 20, 3, 3), axes=[1]
    )
    agree(model, targets=("native", "portable"))


def test_a_gate_by_channel_and_one_by_place() -> None:
    """As in SE and CBAM networks."""
    nodes = """
        a = Conv (x, w, b)
        p = GlobalAveragePool (a)
        g = Sigmoid (p)
        c = Mul (a, g)
        most = ReduceMax <axes = [1]> (c)
        mean = ReduceMean <axes = [1]> (c)
        two = Concat <axis = 1> (most, mean)
        s = Conv <pads = [3, 3, 3, 3]> (two, v)
        t = Sigmoid (s)
        y = Mul (c, t)"""
    agree(graph(nodes, (1, 8, 9, 10), w=(20, 8, 1, 1), b=(20,), v=(1, 2, 7, 7)))


def test_broadcasting_after_layers_in_blocks() -> None:
    pairs = [
        ((2, 3, 4), (4,)), ((1, 5), (5, 1)), ((1, 16), (16, 16)), ((1, 8, 3, 3), (8, 1, 1)),
        ((1, 8, 1, 1), (1, 8, 3, 3)), ((1, 8, 3, 3), (1, 1, 3, 3)), ((4, 1, 3, 1), (2, 1, 5)),
        ((), (3,)),
    ]  # fmt: skip
    nodes, inputs = "", {}
    for n, (first, second) in enumerate(pairs):
        inputs |= {f"x{n}": first, f"z{n}": second}
        nodes += f"""
            a{n} = Sigmoid (x{n})
            b{n} = Tanh (z{n})
            c{n} = Sub (a{n}, b{n})
            y{n} = Add (b{n}, c{n})"""
    agree(graph(nodes, inputs, " ".join(f"y{n}" for n in range(len(pairs)))))


def test_broadcasting_of_maps_in_blocks() -> None:
    """Tensors of convolutions lie in blocks: each pair of shapes has its own way."""
    nodes = """
        a = Conv (x, w)
        p = GlobalAveragePool (a)
        q = Div (p, a)
        r = Sub (a, p)
        o = Conv (x, one)
        s = Mul (o, r)
        y = Max (q, s, p)"""
    agree(graph(nodes, (1, 5, 4, 3), w=(12, 5, 1, 1), one=(1, 5, 1, 1)))


def test_hybrid_networks_fold_depth_into_channels() -> None:
    nodes = """
        a = Conv <pads = [0, 1, 1, 0, 1, 1]> (x, w)
        b = Relu (a)
        c = Reshape (b, folded)
        d = Conv (c, v)
        e = Flatten (d)
        y = Gemm <transB = 1> (e, k, q)"""
    shapes = {"w": (4, 1, 3, 3, 3), "v": (10, 20, 3, 3), "k": (7, 160), "q": (7,)}
    agree(graph(nodes, (1, 1, 7, 6, 6), folded=[0, 20, 6, 6], **shapes))


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2])
def test_convolutions_of_all_kinds(rank: int, batch: int) -> None:
    one, two, three = [1] * rank, [2] * rank, [3] * rank
    nodes = f"""
        a = Conv <group = 2, strides = {two}, dilations = {two}, pads = {one + two}> (x, w, b)
        l = LeakyRelu <alpha = 0.3> (a)
        c = ConvTranspose <group = 3, strides = {two}, pads = {one + one}> (l, t)
        p = AveragePool <kernel_shape = {two}, ceil_mode = 1> (c)
        y = InstanceNormalization (p, g, s)"""
    values = {"w": (6, 2, *three), "b": (6,), "t": (6, 3, *three), "g": (9,), "s": (9,)}
    agree(graph(nodes, (batch, 4, *(9, 8, 7)[:rank]), **values))


def test_odd_ends_of_operators() -> None:
    """Values that one does not meet in tests of operators: all in one network."""
    nodes = """
        a = LRN <size = 3, alpha = 0.5> (x)
        b = Pad <mode = "edge"> (a, pads)
        c = Slice (b, starts, ends, axes, steps)
        d, e = Split <axis = 1> (c, parts)
        f = PRelu (d, slope)
        g = ReduceLogSumExp <axes = [2, 3]> (e)
        h = Clip (f, , high)
        larger = Greater (h, g)
        y = Where (larger, h, g)
        z = LogSoftmax <axis = 2> (c)"""
    values = {
        "pads": [0, 0, 1, 2, 0, 0, 0, 1], "starts": [-1, 1], "ends": [-100, 100], "axes": [3, 2],
        "steps": [-2, 1], "parts": [2, 2], "slope": (2, 1, 1), "high": 0.5,
    }  # fmt: skip
    agree(graph(nodes, (2, 4, 5, 6), "y z", **values))


def test_an_output_may_be_an_input_or_a_constant() -> None:
    agree(graph("y = Identity (x) z = Relu (k) n = Neg (x)", (2, 2), "y z n", k=(3,)), limit=0)


def test_a_shuffle_costs_no_layer_whatever_the_batch() -> None:
    assert layers(shuffle_unit()).count("Product") == 2
    assert set(layers(shuffle_unit())) <= {"Product", "Join", "Mean", "Copy"}


@pytest.mark.parametrize("channels", [32, 21])
def test_reductions_of_maps_in_blocks(channels: int) -> None:
    nodes, outputs = "a = Conv (x, w)", []
    for op in ("ReduceMax", "ReduceMean", "ReduceMin"):
        for axes in ([1], [2], [2, 3], [-1], [1, 2]):
            outputs.append(f"y{len(outputs)}")
            nodes += f" {outputs[-1]} = {op} <axes = {axes}, keepdims = 0> (a)"
    sums = {"s0": [1], "s1": [2], "s2": [2, 3], "s3": [-1], "s4": [1, 2]}
    nodes += "".join(f" of_{name} = ReduceSum <keepdims = 0> (a, {name})" for name in sums)
    outputs += [f"of_{name}" for name in sums]
    agree(graph(nodes, (1, 3, 5, 6), " ".join(outputs), w=(channels, 3, 1, 1), **sums))
