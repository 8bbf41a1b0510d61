import onnx
import pytest
from onnx import helper
from tests.compiler.graphs import agree, graph

from martlet.compiler.frontend.importer import read_model
from martlet.errors import MartletError


def opened(*sides: int) -> onnx.ModelProto:
    """A network whose file says these sides of its input."""
    model = graph("c = Conv (x, w) y = Relu (c)", sides, w=(4, 3, 3, 3))
    for axis, side in enumerate(sides):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_value = side
    return model


def test_an_open_batch_may_be_written_as_minus_one() -> None:
    assert read_model(opened(-1, 3, 8, 8)).shapes["y"] == (1, 4, 6, 6)
    assert read_model(opened(-1, 3, 8, 8), batch=5).shapes["y"] == (5, 4, 6, 6)


def test_open_sides_written_as_minus_one_are_asked_for() -> None:
    model = opened(-1, 3, -1, -1)
    with pytest.raises(MartletError, match=r"'x' leaves axis 2 \(unnamed\) open; .*--shape 1x3x"):
        read_model(model)
    assert read_model(model, shapes={"x": (1, 3, 8, 8)}).shapes["y"] == (1, 4, 6, 6)
    with pytest.raises(MartletError, match="impossible or too large"):
        read_model(opened(1, 3, -2, 8))


def test_one_operator_set_may_be_imported_twice() -> None:
    model = graph("c = Conv (x, w) y = Relu (c)", (1, 3, 8, 8), w=(4, 3, 3, 3))
    model.opset_import.append(helper.make_opsetid("", 17))
    model.opset_import.append(helper.make_opsetid("ai.onnx", 17))
    assert read_model(model).shapes["y"] == (1, 4, 6, 6)


def test_pools_behind_each_other_that_round_up() -> None:
    """The second's sides follow from the first's, where a window is dropped along one axis."""
    pool = "MaxPool <ceil_mode = 1, kernel_shape = [3, 3], strides = [3, 3], pads = [1, 1, 1, 1]>"
    nodes = f"a = {pool} (x) b = {pool} (a) y = Neg (b)"
    model = graph(nodes, (1, 2, 5, 9))
    assert read_model(model).shapes["b"] == (1, 2, 1, 2)
    agree(graph(f"y = {pool} (x)", (1, 2, 5, 8)))
