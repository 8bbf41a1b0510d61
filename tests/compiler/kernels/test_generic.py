"""Plain layers, alone and beside the fast ones, against ONNX Runtime."""

import numpy as np
import onnx
import pytest
from onnx import helper
from tests.compiler.networks import error, network, random, shuffle_unit

from martlet.compiler.codegen.emit import emit
from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.operators import UNARY
from martlet.compiler.kernels.generic import merge, nest, row_steps
from martlet.compiler.kernels.generic_scalar import FUNCTIONS
from martlet.compiler.lowering.lower import lower
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.pipeline import program_of
from martlet.compiler.targets import target as target_of

node = helper.make_node
CLOSE = 1e-5  # of the output's scale


def layers(model: onnx.ModelProto) -> list[str]:
    """The kinds of the layers that a network becomes, without the copies to its outputs."""
    program = lower(simplify(read_model(model)), 8, 16)
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
    model = shuffle_unit()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = batch
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = batch
    assert error(model, random(0, batch, 4, 8, 8)) < CLOSE


@pytest.mark.parametrize("target", ["native", "portable"])
def test_plain_layers_between_fast_ones(target: str) -> None:
    """Blocks to rows (an odd Transpose, a MatMul) and back again."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("Transpose", ["a"], ["b"], perm=[0, 1, 3, 2]),
        node("MatMul", ["b", "k"], ["c"]),
        node("Sub", ["c", "row"], ["d"]),
        node("Conv", ["d", "v"], ["e"], pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Mul", ["e", "e"], ["f"]),
        node("ReduceSum", ["f", "axes"], ["y"], keepdims=0),
    ]
    constants = {
        "w": random(1, 20, 3, 3, 3), "k": random(2, 6, 5), "row": random(3, 7, 5),
        "v": random(4, 9, 20, 3, 3), "axes": np.array([1]),
    }  # fmt: skip
    model = network(nodes, {"x": [1, 3, 6, 7]}, {"y": None}, constants)
    assert error(model, random(0, 1, 3, 6, 7), target=target) < CLOSE


def test_a_gate_by_channel_and_one_by_place() -> None:
    """As in SE and CBAM networks."""
    nodes = [
        node("Conv", ["x", "w", "b"], ["a"]),
        node("GlobalAveragePool", ["a"], ["p"]),
        node("Sigmoid", ["p"], ["g"]),
        node("Mul", ["a", "g"], ["c"]),
        node("ReduceMax", ["c"], ["most"], axes=[1]),
        node("ReduceMean", ["c"], ["mean"], axes=[1]),
        node("Concat", ["most", "mean"], ["two"], axis=1),
        node("Conv", ["two", "v"], ["s"], pads=[3, 3, 3, 3]),
        node("Sigmoid", ["s"], ["t"]),
        node("Mul", ["c", "t"], ["y"]),
    ]
    constants = {"w": random(1, 20, 8, 1, 1), "b": random(2, 20), "v": random(3, 1, 2, 7, 7)}
    model = network(nodes, {"x": [1, 8, 9, 10]}, {"y": None}, constants)
    assert error(model, random(0, 1, 8, 9, 10)) < CLOSE


@pytest.mark.parametrize(
    ("first", "second"),
    [((2, 3, 4), (4,)), ((1, 5), (5, 1)), ((1, 16), (16, 16)), ((1, 8, 3, 3), (8, 1, 1)),
     ((1, 8, 1, 1), (1, 8, 3, 3)), ((1, 8, 3, 3), (1, 1, 3, 3)), ((4, 1, 3, 1), (2, 1, 5)),
     ((), (3,))],
)  # fmt: skip
def test_broadcasting_after_layers_in_blocks(
    first: tuple[int, ...], second: tuple[int, ...]
) -> None:
    nodes = [node("Sigmoid", ["x"], ["a"]), node("Tanh", ["z"], ["b"])]
    nodes += [node("Sub", ["a", "b"], ["c"]), node("Add", ["b", "c"], ["y"])]
    model = network(nodes, {"x": first, "z": second}, {"y": None})
    assert error(model, random(0, *first), random(1, *second)) < CLOSE


def test_broadcasting_of_maps_in_blocks() -> None:
    """Tensors of convolutions lie in blocks: each pair of shapes has its own way."""
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("GlobalAveragePool", ["a"], ["p"]),
        node("Div", ["p", "a"], ["q"]),
        node("Sub", ["a", "p"], ["r"]),
        node("Conv", ["x", "one"], ["o"]),
        node("Mul", ["o", "r"], ["s"]),
        node("Max", ["q", "s", "p"], ["y"]),
    ]
    constants = {"w": random(1, 12, 5, 1, 1), "one": random(2, 1, 5, 1, 1)}
    model = network(nodes, {"x": [1, 5, 4, 3]}, {"y": None}, constants)
    assert error(model, random(0, 1, 5, 4, 3)) < CLOSE


def test_hybrid_networks_fold_depth_into_channels() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[0, 1, 1, 0, 1, 1]),
        node("Relu", ["a"], ["b"]),
        node("Reshape", ["b", "folded"], ["c"]),
        node("Conv", ["c", "v"], ["d"]),
        node("Flatten", ["d"], ["e"]),
        node("Gemm", ["e", "k", "q"], ["y"], transB=1),
    ]
    constants = {
        "w": random(1, 4, 1, 3, 3, 3), "folded": np.array([0, 20, 6, 6]),
        "v": random(2, 10, 20, 3, 3), "k": random(3, 7, 160), "q": random(4, 7),
    }  # fmt: skip
    model = network(nodes, {"x": [1, 1, 7, 6, 6]}, {"y": None}, constants)
    assert error(model, random(0, 1, 1, 7, 6, 6)) < CLOSE


@pytest.mark.parametrize("rank", [1, 2, 3])
@pytest.mark.parametrize("batch", [1, 2])
def test_convolutions_of_all_kinds(rank: int, batch: int) -> None:
    sides = (9, 8, 7)[:rank]
    common = {"dilations": [2] * rank, "pads": [*[1] * rank, *[2] * rank]}
    nodes = [
        node("Conv", ["x", "w", "b"], ["a"], group=2, strides=[2] * rank, **common),
        node("LeakyRelu", ["a"], ["l"], alpha=0.3),
        node("ConvTranspose", ["l", "t"], ["c"], group=3, strides=[2] * rank, pads=[1] * 2 * rank),
        node("AveragePool", ["c"], ["p"], kernel_shape=[2] * rank, ceil_mode=1),
        node("InstanceNormalization", ["p", "g", "s"], ["y"]),
    ]
    constants = {
        "w": random(1, 6, 2, *[3] * rank), "b": random(2, 6), "t": random(3, 6, 3, *[3] * rank),
        "g": random(4, 9), "s": random(5, 9),
    }  # fmt: skip
    model = network(nodes, {"x": [batch, 4, *sides]}, {"y": None}, constants)
    assert error(model, random(0, batch, 4, *sides)) < CLOSE


def test_odd_ends_of_operators() -> None:
    """Values that one does not meet in tests of operators: all in one network."""
    nodes = [
        node("LRN", ["x"], ["a"], size=3, alpha=0.5),
        node("Pad", ["a", "pads"], ["b"], mode="edge"),
        node("Slice", ["b", "starts", "ends", "axes", "steps"], ["c"]),
        node("Split", ["c", "parts"], ["d", "e"], axis=1),
        node("PRelu", ["d", "slope"], ["f"]),
        node("ReduceLogSumExp", ["e"], ["g"], axes=[2, 3]),
        node("Clip", ["f", "", "high"], ["h"]),
        node("Greater", ["h", "g"], ["larger"]),
        node("Where", ["larger", "h", "g"], ["y"]),
        node("LogSoftmax", ["c"], ["z"], axis=2),
    ]
    constants = {
        "pads": np.array([0, 0, 1, 2, 0, 0, 0, 1]), "starts": np.array([-1, 1]),
        "ends": np.array([-100, 100]), "axes": np.array([3, 2]), "steps": np.array([-2, 1]),
        "parts": np.array([2, 2]), "slope": random(1, 2, 1, 1), "high": np.float32(0.5),
    }  # fmt: skip
    model = network(nodes, {"x": [2, 4, 5, 6]}, {"y": None, "z": None}, constants)
    assert error(model, random(0, 2, 4, 5, 6)) < CLOSE


def test_an_output_may_be_an_input_or_a_constant() -> None:
    nodes = [node("Identity", ["x"], ["y"]), node("Relu", ["k"], ["z"]), node("Neg", ["x"], ["n"])]
    constants = {"k": random(1, 3)}
    model = network(nodes, {"x": [2, 2]}, {"y": None, "z": None, "n": None}, constants)
    assert error(model, random(0, 2, 2)) == 0


def test_a_shuffle_costs_no_layer_whatever_the_batch() -> None:
    assert layers(shuffle_unit()).count("Product") == 2
    assert set(layers(shuffle_unit())) <= {"Product", "Join", "Mean", "Copy"}


def test_pictures_of_a_batch_share_their_weights() -> None:
    sizes = []
    for batch in (1, 3):
        chosen = target_of("portable")
        program = program_of(read_model(shuffle_unit(), batch=batch), chosen)
        sizes.append(len(emit(program, chosen).weights))
    assert sizes[1] < 1.2 * sizes[0]


def test_functions_of_one_value_call_only_known_ones() -> None:
    for text in [*UNARY.values(), *(body for _, body in FUNCTIONS.values())]:
        for word in text.replace("(", " ").split():
            assert not word.startswith("one_") or word in FUNCTIONS


@pytest.mark.parametrize("op", ["ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"])
@pytest.mark.parametrize("axes", [[1], [2], [2, 3], [-1], [1, 2]])
@pytest.mark.parametrize("channels", [32, 21])
def test_reductions_of_maps_in_blocks(op: str, axes: list[int], channels: int) -> None:
    nodes = [node("Conv", ["x", "w"], ["a"])]
    extra: dict[str, np.ndarray] = {"w": random(1, channels, 3, 1, 1)}
    if op == "ReduceSum":
        extra["axes"] = np.array(axes)
        nodes.append(node(op, ["a", "axes"], ["y"], keepdims=0))
    else:
        nodes.append(node(op, ["a"], ["y"], axes=axes, keepdims=0))
    model = network(nodes, {"x": [1, 3, 5, 6]}, {"y": None}, extra)
    assert error(model, random(0, 1, 3, 5, 6)) < CLOSE
