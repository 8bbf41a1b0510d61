"""The heads of detectors: maps of several levels, place by place, all behind one another."""

import onnx
import pytest
from tests.compiler.graphs import agree, graph, planned

TWO_LEVELS = """
    a = Conv <pads = [1, 1, 1, 1]> (x, w)
    b = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
    fine = Conv (a, v)
    coarse = Conv (b, v)
    fine_flat = Reshape (fine, flat)
    coarse_flat = Reshape (coarse, flat)
    fine_rows = Transpose <perm = [0, 2, 1]> (fine_flat)
    coarse_rows = Transpose <perm = [0, 2, 1]> (coarse_flat)
    y = Concat <axis = 1> (fine_rows, coarse_rows)"""
ANCHORS = """
    a = Conv <pads = [1, 1, 1, 1]> (x, w)
    b = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (a)
    fine = Conv (a, v)
    coarse = Conv (b, v)
    fine_five = Reshape (fine, five0)
    coarse_five = Reshape (coarse, five1)
    fine_last = Transpose <perm = [0, 3, 4, 1, 2]> (fine_five)
    coarse_last = Transpose <perm = [0, 3, 4, 1, 2]> (coarse_five)
    fine_rows = Reshape (fine_last, rows)
    coarse_rows = Reshape (coarse_last, rows)
    y = Concat <axis = 1> (fine_rows, coarse_rows)"""


def two_levels(channels: int) -> onnx.ModelProto:
    """As NanoDet and ours: one answer a place."""
    return graph(
        TWO_LEVELS, (1, 3, 8, 10), w=(16, 3, 3, 3), v=(channels, 16, 1, 1), flat=[1, channels, -1]
    )


def anchors(boxes: int, each: int) -> onnx.ModelProto:
    """As torchvision's SSD: several answers a place."""
    return graph(
        ANCHORS, (1, 3, 8, 8), w=(16, 3, 3, 3), v=(boxes * each, 16, 1, 1),
        five0=[1, boxes, each, 8, 8], five1=[1, boxes, each, 4, 4], rows=[1, -1, each],
    )  # fmt: skip


def kinds(model: onnx.ModelProto) -> list[str]:
    return [type(layer).__name__ for layer in planned(model)[0].layers]


@pytest.mark.parametrize("channels", [1, 5, 16, 17, 37, 112])
def test_one_answer_a_place(channels: int) -> None:
    model = two_levels(channels)
    assert "Rearrange" not in kinds(model)
    assert kinds(model).count("ToRows") == 1
    agree(model, targets=("native", "portable"))


@pytest.mark.parametrize(("boxes", "each"), [(6, 4), (3, 7), (6, 21)])
def test_several_answers_a_place(boxes: int, each: int) -> None:
    model = anchors(boxes, each)
    assert kinds(model).count("ToRows") == 1
    agree(model, targets=("native", "portable"))


def test_several_threads() -> None:
    agree(two_levels(37), threads=[1, 2, 3])


def test_channels_that_a_shuffle_has_moved() -> None:
    """Runs of channels are found wherever they lie."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, w)
        five = Reshape (a, five_sides)
        shuffled = Transpose <perm = [0, 2, 1, 3, 4]> (five)
        maps = Reshape (shuffled, four_sides)
        left, right = Split <axis = 1> (maps)
        l = Reshape (left, flat)
        r = Reshape (right, flat)
        lt = Transpose <perm = [0, 2, 1]> (l)
        rt = Transpose <perm = [0, 2, 1]> (r)
        y = Concat <axis = 1> (lt, rt)"""
    agree(
        graph(
            nodes, (1, 3, 6, 6), opset=13, w=(40, 3, 3, 3), five_sides=[1, 2, 20, 6, 6],
            four_sides=[1, 40, 6, 6], flat=[1, 20, 36],
        ),
        targets=("native", "portable"),
    )  # fmt: skip


def test_a_batch_runs_picture_by_picture() -> None:
    model = graph(TWO_LEVELS, (2, 3, 8, 10), w=(16, 3, 3, 3), v=(9, 16, 1, 1), flat=[2, 9, -1])
    agree(model)
