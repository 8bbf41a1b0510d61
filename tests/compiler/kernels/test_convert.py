"""Numbers of other types than the layers', where the caller's arrays hold them."""

import numpy as np
import pytest
from tests.compiler.graphs import by_onnx_runtime, graph, run

from martlet.compiler.kernels.convert import limits

KINDS = ("bool", "uint8", "int8", "uint16", "int16", "int32", "int64", "uint32", "uint64")
NUMBERS = {"uint8": 2, "int8": 3, "uint16": 4, "int16": 5, "int32": 6, "int64": 7, "bool": 9}
NUMBERS |= {"uint32": 12, "uint64": 13}


@pytest.mark.parametrize("kind", KINDS)
def test_in_and_out(kind: str) -> None:
    """All that a type of 8 bits holds, and as much of the others as a float does."""
    model = graph("f = Cast <to = 1> (x) y = Identity (x)", {f"x:{kind}": (64,)}, f"f y:{kind}")
    about = np.iinfo(kind) if kind != "bool" else None
    low, high = (max(about.min, -(1 << 24)), min(about.max, 1 << 24)) if about else (0, 1)
    x = np.linspace(low, high, 64).round().astype(kind)
    floats, same = run(model, {"x": x})
    np.testing.assert_array_equal(floats, x.astype(np.float32))
    assert same.dtype == x.dtype
    np.testing.assert_array_equal(same, x)


@pytest.mark.parametrize("kind", ["int32", "int64", "uint64"])
def test_what_is_handed_through_stays_exact(kind: str) -> None:
    x = np.array([np.iinfo(kind).max, 123_456_789], kind)
    model = graph("y = Identity (x)", {f"x:{kind}": (2,)}, f"y:{kind}")
    np.testing.assert_array_equal(run(model, {"x": x})[0], x)


@pytest.mark.parametrize("kind", KINDS)
def test_casts_as_in_onnx_runtime(kind: str) -> None:
    """Whole numbers that a small type does not hold begin again from its other end."""
    nodes = f"whole = Cast <to = 7> (x) y = Cast <to = {NUMBERS[kind]}> (whole)"
    x = (np.random.default_rng(0).standard_normal(100) * 300).astype(np.float32)
    x = np.abs(x) if kind.startswith("uint") else x
    model = graph(nodes, (100,), f"y:{kind}")
    for target in ("native", "portable"):
        np.testing.assert_array_equal(run(model, {"x": x}, target), by_onnx_runtime(model, x))


@pytest.mark.parametrize("kind", ["uint8", "int8", "int32", "int64", "uint64"])
def test_what_no_type_holds_is_cut(kind: str) -> None:
    """Which C itself leaves open: an infinite float is the largest number of a type."""
    number = NUMBERS[kind if np.dtype(kind).itemsize > 2 else "int32"]
    name = kind if np.dtype(kind).itemsize > 2 else "int32"
    model = graph(f"y = Cast <to = {number}> (x)", (4,), f"y:{name}")
    x = np.array([np.inf, -np.inf, 1e30, -1e30], np.float32)
    (y,) = run(model, {"x": x})
    about = np.iinfo(name)
    assert y[0] == y[2] >= about.max * 0.999
    assert y[1] == y[3] == about.min


@pytest.mark.parametrize("kind", KINDS[1:])
def test_limits_are_numbers_of_the_type(kind: str) -> None:
    low, high = (float(word.rstrip("f")) for word in limits(np.dtype(kind)))
    about = np.iinfo(kind)
    assert int(low) == about.min
    assert about.max * 0.999 <= int(high) <= about.max
    assert np.float32(high) == high
