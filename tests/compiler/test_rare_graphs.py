"""Combinations that few networks have, against ONNX Runtime; each one was once wrong or refused."""

import numpy as np
import pytest
from tests.compiler.graphs import agree, close, graph, random, run

BOTH = ("native", "portable")


def test_a_gate_before_a_padded_pointwise_convolution() -> None:
    gated = {"x": (1, 9, 6, 5), "g": (1, 9, 1, 1)}
    inside = "m = Mul (x, g) y = Conv <pads = [1, 1, 1, 1]> (m, w)"
    agree(graph(inside, gated, w=(7, 9, 1, 1)), targets=BOTH)
    before = "m = Mul (x, g) p = Pad (m, pads) y = Conv (p, w)"
    pads = [0, 0, 1, 2, 0, 0, 0, 1]
    agree(graph(before, gated, w=(7, 9, 1, 1), pads=pads), targets=BOTH)


def test_pointwise_products_of_large_volumes() -> None:
    nodes = "c = Conv (x, a) r = Relu (c) y = Conv (r, b)"
    agree(graph(nodes, (1, 3, 4, 48, 48), a=(32, 3, 1, 1, 1), b=(20, 32, 1, 1, 1)))


def test_a_map_of_depth_one_that_grows_in_depth() -> None:
    nodes = """
        c = Conv <pads = [1, 1, 1, 1, 1, 1]> (x, a)
        y = Conv <group = 32, pads = [0, 1, 1, 0, 1, 1]> (c, b)"""
    agree(graph(nodes, (1, 3, 1, 64, 64), a=(32, 3, 2, 3, 3), b=(32, 1, 1, 3, 3)))


@pytest.mark.parametrize("channels", [3, 20])
def test_pools_that_round_up(channels: int) -> None:
    """With and without a last window that would begin in the padding."""
    cases = [(5, 2, 2, 1), (6, 3, 2, 1), (7, 2, 2, 0), (7, 3, 3, 1)]
    nodes, inputs = "", {}
    for n, (side, kernel, stride, pad) in enumerate(cases):
        inputs[f"x{n}"] = (1, 4, side, side)
        window = (
            f"<ceil_mode = 1, kernel_shape = [{kernel}, {kernel}], strides = [{stride}, {stride}], "
            f"pads = [{pad}, {pad}, {pad}, {pad}]>"
        )
        nodes += f"""
            c{n} = Conv (x{n}, w)
            a{n} = MaxPool {window} (c{n}) most{n} = Relu (a{n})
            b{n} = AveragePool {window} (c{n}) mean{n} = Relu (b{n})"""
    outputs = [f"{word}{n}" for n in range(len(cases)) for word in ("most", "mean")]
    agree(graph(nodes, inputs, " ".join(outputs), w=(channels, 4, 1, 1)))


@pytest.mark.parametrize("target", BOTH)
@pytest.mark.parametrize(
    ("operator", "more", "expected"),
    [
        ("MaxPool", "", [4, 5]),
        ("AveragePool", "", [8 / 4, 7 / 2]),
        ("AveragePool", ", count_include_pad = 1", [8 / 9, 7 / 6]),
        ("LpPool", ", p = 1", [8, 7]),
    ],
)
def test_a_pool_that_rounds_up_along_one_axis_alone(
    operator: str, more: str, expected: list[float], target: str
) -> None:
    """PyTorch's answers: the window behind the rows' padding is dropped, that of columns is not."""
    window = f"ceil_mode = 1, kernel_shape = [3, 3], strides = [3, 3], pads = [1, 1, 1, 1]{more}"
    model = graph(f"p = {operator} <{window}> (x) y = Neg (p)", (1, 1, 2, 3), opset=18)
    (found,) = run(model, {"x": np.arange(6, dtype=np.float32).reshape(1, 1, 2, 3)}, target)
    close(found, -np.array(expected, np.float32).reshape(1, 1, 1, 2))


def test_a_mean_of_maps_without_their_axes() -> None:
    nodes = """
        g = ReduceMean <axes = [2, 3], keepdims = 0> (x)
        c = Conv (x, w)
        y = Mul (c, g)"""
    agree(graph(nodes, (1, 8, 4, 8), w=(8, 8, 1, 1)), targets=BOTH)


def test_windows_that_differ_in_little_are_functions_of_their_own() -> None:
    small = "kernel_shape = [2, 2], strides = [2, 2]"
    nodes = f"""
        c = Conv (x, w)
        a = MaxPool <{small}> (c)
        b = MaxPool <{small}, ceil_mode = 1> (c)
        p = GlobalMaxPool (a)
        q = GlobalMaxPool (b)
        y = Sub (q, p)"""
    agree(graph(nodes, (1, 4, 7, 7), w=(18, 4, 1, 1)), targets=BOTH)


def test_pools_along_the_depth() -> None:
    pool = "AveragePool <kernel_shape = [2, 1, 1]>"
    nodes = f"c = Conv (x, w) a = {pool} (c) y = {pool} (a)"
    agree(graph(nodes, (1, 2, 8, 4, 4), w=(17, 2, 1, 1, 1)), targets=BOTH)


def test_bounds_that_differ_in_the_last_bit() -> None:
    nodes = """
        c = Conv (x, w)
        a = Clip (c, zero, six)
        b = Clip (c, zero, more)
        d = Sub (b, a)
        y = Mul (d, scale)"""
    more = np.nextafter(np.float32(6), np.float32(7))
    values = {"zero": 0.0, "six": 6.0, "more": more, "scale": 1e6, "w": 9 * random(1, 16, 4, 1, 1)}
    agree(graph(nodes, (1, 4, 5, 5), **values), targets=BOTH)


def test_activations_are_not_mixed_up_with_functions_of_c() -> None:
    """Nodes are called as their operators, as where they have no name."""
    nodes, last = "", "x"
    for op in ("Tanh", "Sigmoid", "HardSwish", "LeakyRelu"):
        nodes += f"a_{op} = Conv ({last}, a) {op} = {op} (a_{op}) b_{op} = Conv ({op}, b) "
        last = f"b_{op}"
    agree(graph(nodes, (1, 3, 8, 8), last, a=(16, 3, 1, 1), b=(3, 16, 1, 1)), targets=BOTH)


@pytest.mark.parametrize("threads", [1, 2])
def test_nodes_may_be_called_as_anything_in_c(threads: int) -> None:
    names = (
        "V MOST atan lgamma ring output0 pool first ready write j pieces slice part take linux for "
        "FETCH relu a.b a_b 7up work_layer work x_at x mean_25 store network_run network 0 ö main "
        "memcpy expf floor y0 index float int32_t worker job one_gelu v a n pieces_layer EACH"
    )
    called = names.split()
    ways = ("Conv (t{}, w)", "Neg (t{})", "Softmax (t{})")
    nodes = [f"t{n + 1} = {ways[(n + threads) % 3].format(n)} " for n in range(len(called))]
    model = graph("".join(nodes), {"t0": (1, 3, 5, 5)}, f"t{len(called)}", w=(3, 3, 1, 1))
    for node, name in zip(model.graph.node, called, strict=True):
        node.name = name
    agree(model, threads=threads)


def test_an_input_of_no_axes() -> None:
    agree(graph("y = Mul (x, s)", {"x": (2, 3), "s": ()}), targets=BOTH)


def test_sums_of_batches_are_made_in_place() -> None:
    nodes = "c = Conv (x, a) d = Conv (c, b) y = Add (d, c)"
    agree(graph(nodes, (3, 3, 6, 6), a=(16, 3, 1, 1), b=(16, 16, 1, 1)), targets=BOTH)


def test_a_concat_that_nobody_reads() -> None:
    nodes = "unread = Concat <axis = -3> (x, x) y = Relu (x)"
    agree(graph(nodes, (1, 4, 5, 5)), targets=BOTH)


def test_a_copy_and_a_table_may_have_one_name() -> None:
    """The copy of what a convolution adds, whose maps lie apart, and its table of them."""
    nodes = """
        p = MaxPool <kernel_shape = [1, 1]> (x)
        s = Slice (p, starts, ends, axes)
        c = Conv (x, w)
        y = Add (c, s)"""
    sides = {"starts": [1, 1], "ends": [9, 9], "axes": [2, 3], "w": (4, 4, 2, 2)}
    agree(graph(nodes, (1, 4, 5, 5), **sides), targets=BOTH)


def test_a_copy_and_a_table_of_turns_may_have_one_name() -> None:
    nodes = """
        c = Conv (x, w)
        d = Conv <group = 64, pads = [1, 1, 1, 1]> (c, k)
        t = Conv <strides = [9, 9]> (d, u)
        y = Softmax (t)"""
    model = graph(nodes, (1, 3, 64, 64), w=(64, 3, 1, 1), k=(64, 1, 3, 3), u=(4, 64, 1, 1))
    model.graph.node[0].name = "t in"  # its band's table is "t in rows", as the copy of t is
    agree(model)


def test_the_table_of_a_copy_and_that_of_a_node_may_have_one_name() -> None:
    nodes = """
        e = Exp (x)
        j = Concat <axis = 1> (x, e)
        c = Conv (j, w)
        y = Conv (c, k)"""
    model = graph(nodes, (1, 3, 5, 5), w=(16, 6, 1, 1), k=(4, 16, 1, 1))
    model.graph.node[3].name = "c_blocks_partb"  # the copy of j in blocks is of two parts
    agree(model, targets=BOTH)
