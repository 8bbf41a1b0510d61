"""The last channels of a product, summed along lanes where they fill a small part of a vector."""

import ctypes
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper
from tests.compiler.networks import network, random

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.pipeline import make_program
from martlet.compiler.targets import native, target

Array = NDArray[np.float32]
Close = Callable[[Array, Array], None]
SIDES = (9, 11)


def graph(
    path: Path,
    outs: int,
    ins: int = 168,
    *,
    kind: str = "",
    groups: int = 1,
    sides: tuple[int, int] = SIDES,
    between: Array | None = None,
) -> Path:
    """A pointwise convolution to `outs` channels behind one to `ins`."""
    node = helper.make_node
    own = ins // 2 if kind in ("half", "shuffled") else ins
    values: dict[str, NDArray[Any]] = {
        "a": random(1, ins, 6, 1, 1) if between is None else between,
        "b": random(2, outs, own // groups, 1, 1) / np.float32(own**0.5),
        "c": random(3, outs), "five": np.array([1, 2, ins // 2, *sides]),
        "four": np.array([1, ins, *sides]), "d": random(4, outs, 1, 3, 3),
    }  # fmt: skip
    nodes = [node("Conv", ["x", "a"], ["p"]), node("Relu", ["p"], ["q"])]
    if kind == "shuffled":
        nodes += [
            node("Reshape", ["q", "five"], ["r"]),
            node("Transpose", ["r"], ["s"], perm=[0, 2, 1, 3, 4]),
            node("Reshape", ["s", "four"], ["t"]),
        ]
    if own < ins:
        source = "t" if kind == "shuffled" else "q"
        nodes.append(node("Split", [source], ["left", "right"], axis=1))
    read = "left" if own < ins else "q"
    nodes.append(node("Conv", [read, "b", "c"], ["e"], group=groups, name="tailed"))
    last = "e"
    if kind == "residual":
        nodes.append(node("Add", ["e", "q"], ["sum"]))
        last = "sum"
    nodes.append(node("Relu", [last], ["f"]))
    nodes.append(node("Conv", ["f", "d"], ["y"], group=outs, pads=[1, 1, 1, 1]))
    shapes = {"x": (1, 6, *sides)}, {"y": (1, outs, *sides)}
    onnx.save(network(nodes, *shapes, values), path)
    return path


def tail(path: Path, name: str = "x86-64-v4", threads: int = 1) -> int:
    """For how many channels the tiles of the last block are."""
    program, _ = make_program(path, target(name), threads=threads)
    (layer,) = (layer for layer in program.layers if layer.name == "tailed")
    assert isinstance(layer, Product)
    return layer.tail


def expected(path: Path, x: Array) -> Array:
    found: Array = onnxruntime.InferenceSession(path).run(None, {"x": x})[0]
    return found


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
def test_where_a_small_part_is_left(
    name: str, outs: int, ins: int, wide: int, tmp_path: Path
) -> None:
    assert tail(graph(tmp_path / "net.onnx", outs, ins), name) == wide


@pytest.mark.parametrize("sides", [(9, 11), (7, 7), (2, 2), (112, 113)])
@pytest.mark.parametrize("outs", [3, 20])
def test_the_numbers(outs: int, sides: tuple[int, int], tmp_path: Path, close: Close) -> None:
    """Tiles of a few places that are left; and of maps that go row by row."""
    path = graph(tmp_path / "net.onnx", outs, sides=sides)
    if native().lanes == 16:
        assert tail(path, "native")
    x = random(5, 1, 6, *sides)
    close(np.asarray(compile_onnx(path, tmp_path / "out")(x)), expected(path, x))


@pytest.mark.parametrize(
    ("kind", "groups", "outs"),
    [("half", 1, 20), ("shuffled", 1, 20), ("", 2, 36), ("residual", 1, 84), ("residual", 1, 82)],
)
def test_channels_from_anywhere(
    kind: str, groups: int, outs: int, tmp_path: Path, close: Close
) -> None:
    ins = outs if kind == "residual" else 168
    path, x = (
        graph(tmp_path / "net.onnx", outs, ins, kind=kind, groups=groups),
        random(5, 1, 6, *SIDES),
    )
    close(np.asarray(compile_onnx(path, tmp_path / "out")(x)), expected(path, x))


@pytest.mark.parametrize("sides", [SIDES, (112, 113)])
def test_any_number_of_threads_gives_the_same_bits(sides: tuple[int, int], tmp_path: Path) -> None:
    path = graph(tmp_path / "net.onnx", 20, kind="shuffled", sides=sides)
    x = random(5, 1, 6, *sides)
    found = [compile_onnx(path, tmp_path / f"out{n}", threads=n)(x) for n in (1, 2, 3)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


def test_lanes_that_are_not_read_may_hold_anything(tmp_path: Path, close: Close) -> None:
    """Channels of the other half that are infinite, and a workspace of what is no number."""
    weight = random(1, 168, 6, 1, 1)
    weight[84:] = 3e38  # the left half ends with four lanes of a vector
    path = graph(tmp_path / "net.onnx", 20, kind="half", between=weight)
    x = np.abs(random(5, 1, 6, *SIDES)) + np.float32(9)
    if native().lanes == 16:
        assert tail(path, "native") == 4
    found = run_in(compile_onnx(path, tmp_path / "out", name="net"), tmp_path / "out", x)
    close(found, expected(path, x))


def run_in(network: CompiledNetwork, folder: Path, x: Array) -> Array:
    """A run whose workspace holds no numbers."""
    about = network.description
    library = ctypes.CDLL(str(folder / str(about.library)))
    y = np.empty((1, 20, *SIDES), np.float32)
    workspace = np.full(about.workspace_bytes, 255, np.uint8)
    library.net_run(*(ctypes.c_void_p(a.ctypes.data) for a in (x, y, workspace)))
    return y


def test_a_product_of_nothing_else(
    tmp_path: Path, sanitized: Callable[[Path, Array], Array], close: Close
) -> None:
    """Three channels in all: the table of single channels is not written then."""
    path, x = graph(tmp_path / "tiny.onnx", 3), random(5, 1, 6, *SIDES)
    close(sanitized(path, x), expected(path, x))


def test_avx2_gives_the_same(tmp_path: Path, close: Close) -> None:
    if not target("x86-64-v3").is_here:
        pytest.skip("this machine does not run x86-64-v3")
    path, x = graph(tmp_path / "net.onnx", 20, kind="shuffled"), random(5, 1, 6, *SIDES)
    assert tail(graph(tmp_path / "all.onnx", 20), "x86-64-v3") == 4
    found = compile_onnx(path, tmp_path / "out", target="x86-64-v3")(x)
    close(np.asarray(found), expected(path, x))
