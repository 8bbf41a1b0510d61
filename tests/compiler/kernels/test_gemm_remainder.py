"""The last channels of a product, summed along lanes where they fill a small part of a vector."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from tests.compiler.graphs import HERE, agree, graph, planned, random

from martlet.compiler.kernels.gemm import Product

SIDES = (9, 11)


def net(
    outs: int,
    ins: int = 168,
    *,
    kind: str = "",
    groups: int = 1,
    sides: tuple[int, int] = SIDES,
    **more: object,
) -> onnx.ModelProto:
    """A pointwise convolution called "tailed" to `outs` channels, behind one to `ins`."""
    read, middle = "q", ""
    if kind == "shuffled":
        middle = """
            r = Reshape (q, five)
            s = Transpose <perm = [0, 2, 1, 3, 4]> (r)
            t = Reshape (s, four)"""
    if kind in ("half", "shuffled"):
        middle += f" left, right = Split <axis = 1> ({'t' if kind == 'shuffled' else 'q'})"
        read = "left"
    own = ins // 2 if read == "left" else ins
    nodes = f"""
        p = Conv (x, a)
        q = Relu (p)
        {middle}
        tailed = Conv <group = {groups}> ({read}, b, c)
        {"e = Add (tailed, q)" if kind == "residual" else "e = Identity (tailed)"}
        f = Relu (e)
        y = Conv <group = {outs}, pads = [1, 1, 1, 1]> (f, d)"""
    values = {
        "a": (ins, 6, 1, 1), "b": (outs, own // groups, 1, 1), "c": (outs,), "d": (outs, 1, 3, 3),
        "five": [1, 2, ins // 2, *sides], "four": [1, ins, *sides],
    }  # fmt: skip
    return graph(nodes, (1, 6, *sides), **values | more)


def tail(model: onnx.ModelProto, name: str = "x86-64-v4") -> int:
    """For how many channels the tiles of the last block are."""
    program, _ = planned(model, name)
    (layer,) = (layer for layer in program.layers if layer.name == "tailed")
    assert isinstance(layer, Product)
    return layer.tail


@pytest.mark.parametrize(
    ("name", "outs", "ins", "wide"),
    [
        ("x86-64-v4", 116, 116, 4),
        ("x86-64-v4", 17, 96, 4),
        ("x86-64-v4", 24, 168, 0),
        ("x86-64-v4", 4, 96, 4),
        ("x86-64-v4", 32, 96, 0),
        ("x86-64-v4", 20, 16, 0),  # adding up the lanes would take longer
        ("x86-64-v3", 20, 96, 4),
        ("x86-64-v3", 22, 96, 0),
        ("aarch64", 21, 96, 0),
        ("portable", 21, 96, 0),
    ],
)
def test_where_a_small_part_is_left(name: str, outs: int, ins: int, wide: int) -> None:
    assert tail(net(outs, ins), name) == wide


@pytest.mark.parametrize("sides", [(9, 11), (7, 7), (2, 2), (112, 113)])
@pytest.mark.parametrize("outs", [3, 20])
def test_the_numbers(outs: int, sides: tuple[int, int]) -> None:
    """Tiles of a few places that are left; and of maps that go row by row."""
    model = net(outs, sides=sides)
    assert tail(model)
    agree(model, targets=[HERE])


@pytest.mark.parametrize(
    ("kind", "groups", "outs"),
    [("half", 1, 20), ("shuffled", 1, 20), ("", 2, 36), ("residual", 1, 84), ("residual", 1, 82)],
)
def test_channels_from_anywhere(kind: str, groups: int, outs: int) -> None:
    ins = outs if kind == "residual" else 168
    agree(net(outs, ins, kind=kind, groups=groups), targets=[HERE])


@pytest.mark.parametrize("sides", [SIDES, pytest.param((112, 113), marks=pytest.mark.slow)])
def test_any_number_of_threads_gives_the_same_bits(sides: tuple[int, int]) -> None:
    agree(net(20, kind="shuffled", sides=sides), targets=[HERE], threads=(1, 2, 3))


def test_lanes_that_are_not_read_may_hold_anything() -> None:
    """Channels of the other half that are infinite; and no number is in a new workspace."""
    weight = random(1, 168, 6, 1, 1)
    weight[84:] = 3e38  # the left half ends with four lanes of a vector
    model = net(20, kind="half", a=weight)
    assert tail(model) == 4
    agree(model, np.abs(random(5, 1, 6, *SIDES)) + np.float32(9), targets=[HERE])


def test_a_product_of_nothing_else(sanitized: Callable[[onnx.ModelProto], None]) -> None:
    """Three channels in all: the table of single channels is not written then."""
    sanitized(net(3))


def test_avx2_gives_the_same() -> None:
    agree(net(20, kind="shuffled"), targets=["x86-64-v3"])
