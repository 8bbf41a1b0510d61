"""Combinations that few networks have, against ONNX Runtime; each one was once wrong or refused."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from tests.compiler.networks import network, random

from martlet.compiler import compile_onnx
from martlet.errors import MartletError

node = onnx.helper.make_node
Shapes = Mapping[str, Sequence[int]]


def agree(
    path: Path,
    nodes: Sequence[onnx.NodeProto],
    inputs: Shapes,
    constants: Mapping[str, NDArray[Any]] | None = None,
    *,
    targets: Sequence[str] = ("native", "portable"),
    threads: int = 1,
) -> None:
    """Compile the nodes, whose last output is "y", and compare with ONNX Runtime."""
    model = network(nodes, inputs, {"y": None}, constants)
    onnx.save(model, path / "net.onnx")
    given = {name: random(7, *shape) for name, shape in inputs.items()}
    (expected,) = onnxruntime.InferenceSession(path / "net.onnx").run(None, given)
    for target in targets:
        net = compile_onnx(path / "net.onnx", path / target, target=target, threads=threads)
        found = net(*given.values())
        assert found.shape == expected.shape
        scale = np.abs(expected[np.isfinite(expected)]).max()
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5 * scale)


def test_a_gate_before_a_padded_pointwise_convolution(tmp_path: Path) -> None:
    nodes = [node("Mul", ["x", "g"], ["m"]), node("Conv", ["m", "w"], ["y"], pads=[1, 1, 1, 1])]
    agree(tmp_path, nodes, {"x": (1, 9, 6, 5), "g": (1, 9, 1, 1)}, {"w": random(1, 7, 9, 1, 1)})


def test_a_gate_before_padding_and_a_pointwise_convolution(tmp_path: Path) -> None:
    nodes = [
        node("Mul", ["x", "g"], ["m"]),
        node("Pad", ["m", "pads"], ["p"]),
        node("Conv", ["p", "w"], ["y"]),
    ]
    values = {"w": random(1, 7, 9, 1, 1), "pads": np.array([0, 0, 1, 2, 0, 0, 0, 1])}
    agree(tmp_path, nodes, {"x": (1, 9, 6, 5), "g": (1, 9, 1, 1)}, values)


def test_pointwise_products_of_large_volumes(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "a"], ["c"]),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "b"], ["y"]),
    ]
    values = {"a": random(1, 32, 3, 1, 1, 1), "b": random(2, 20, 32, 1, 1, 1)}
    agree(tmp_path, nodes, {"x": (1, 3, 4, 48, 48)}, values, targets=["native"])


def test_a_map_of_depth_one_that_grows_in_depth(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "a"], ["c"], pads=[1, 1, 1, 1, 1, 1]),
        node("Conv", ["c", "b"], ["y"], group=32, pads=[0, 1, 1, 0, 1, 1]),
    ]
    values = {"a": random(1, 32, 3, 2, 3, 3), "b": random(2, 32, 1, 1, 3, 3)}
    agree(tmp_path, nodes, {"x": (1, 3, 1, 64, 64)}, values, targets=["native"])


@pytest.mark.parametrize("op", ["MaxPool", "AveragePool"])
@pytest.mark.parametrize(
    ("side", "kernel", "stride", "pad"), [(5, 2, 2, 1), (6, 3, 2, 1), (7, 2, 2, 0), (7, 3, 3, 1)]
)
@pytest.mark.parametrize("channels", [3, 20])
def test_pools_that_round_up(
    op: str, side: int, kernel: int, stride: int, pad: int, channels: int, tmp_path: Path
) -> None:
    shape = {"kernel_shape": [kernel] * 2, "strides": [stride] * 2, "pads": [pad] * 4}
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node(op, ["c"], ["p"], ceil_mode=1, **shape),
        node("Relu", ["p"], ["y"]),
    ]
    values = {"w": random(1, channels, 4, 1, 1)}
    agree(tmp_path, nodes, {"x": (1, 4, side, side)}, values, targets=["native"])


def test_a_pool_that_rounds_up_along_one_axis_alone_is_named(tmp_path: Path) -> None:
    pool = node(
        "MaxPool", ["x"], ["y"], name="pool", ceil_mode=1, kernel_shape=[2, 2], strides=[2, 2],
        pads=[1, 0, 1, 0],
    )  # fmt: skip
    onnx.save(network([pool], {"x": (1, 3, 5, 5)}, {"y": None}), tmp_path / "net.onnx")
    with pytest.raises(MartletError, match=r"pool \(MaxPool\): ceil_mode=1 .* axis 2 .* axis 3"):
        compile_onnx(tmp_path / "net.onnx", tmp_path / "out")


def test_a_mean_of_maps_without_their_axes(tmp_path: Path) -> None:
    nodes = [
        node("ReduceMean", ["x"], ["g"], axes=[2, 3], keepdims=0),
        node("Conv", ["x", "w"], ["c"]),
        node("Mul", ["c", "g"], ["y"]),
    ]
    agree(tmp_path, nodes, {"x": (1, 8, 4, 8)}, {"w": random(1, 8, 8, 1, 1)})


def test_windows_that_differ_in_little_are_functions_of_their_own(tmp_path: Path) -> None:
    small = {"kernel_shape": [2, 2], "strides": [2, 2]}
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("MaxPool", ["c"], ["a"], **small),
        node("MaxPool", ["c"], ["b"], ceil_mode=1, **small),
        node("GlobalMaxPool", ["a"], ["p"]),
        node("GlobalMaxPool", ["b"], ["q"]),
        node("Sub", ["q", "p"], ["y"]),
    ]
    agree(tmp_path, nodes, {"x": (1, 4, 7, 7)}, {"w": random(1, 18, 4, 1, 1)})


def test_pools_along_the_depth(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("AveragePool", ["c"], ["a"], kernel_shape=[2, 1, 1]),
        node("AveragePool", ["a"], ["y"], kernel_shape=[2, 1, 1]),
    ]
    values = {"w": random(1, 17, 2, 1, 1, 1)}
    agree(tmp_path, nodes, {"x": (1, 2, 8, 4, 4)}, values)


def test_bounds_that_differ_in_the_last_bit(tmp_path: Path) -> None:
    bounds = {"zero": 0.0, "six": 6.0, "more": np.nextafter(np.float32(6), np.float32(7))}
    nodes = [
        node("Conv", ["x", "w"], ["c"]),
        node("Clip", ["c", "zero", "six"], ["a"]),
        node("Clip", ["c", "zero", "more"], ["b"]),
        node("Sub", ["b", "a"], ["d"]),
        node("Mul", ["d", "scale"], ["y"]),
    ]
    values = {name: np.float32(value) for name, value in bounds.items()}
    values |= {"w": 9 * random(1, 16, 4, 1, 1), "scale": np.float32(1e6)}
    agree(tmp_path, nodes, {"x": (1, 4, 5, 5)}, values)


@pytest.mark.parametrize("op", ["Tanh", "Sigmoid", "HardSwish", "LeakyRelu"])
def test_activations_are_not_mixed_up_with_functions_of_c(op: str, tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "a"], ["c"]),
        node(op, ["c"], ["d"]),
        node("Conv", ["d", "b"], ["y"]),
    ]
    values = {"a": random(1, 16, 3, 3, 3), "b": random(2, 4, 16, 1, 1)}
    agree(tmp_path, nodes, {"x": (1, 3, 8, 8)}, values)


@pytest.mark.parametrize("threads", [1, 2])
def test_nodes_may_be_called_as_anything_in_c(threads: int, tmp_path: Path) -> None:
    names = [
        *("V", "MOST", "atan", "lgamma", "ring", "output0", "pool", "first", "ready", "write", "j"),
        *("pieces", "slice", "part", "take", "linux", "for", "FETCH", "relu", "a.b", "a_b", "7up"),
        *("work_layer", "work", "x_at", "x", "mean_25", "store", "net_run", "net", "0", "ö"),
    ]
    nodes, last = [], "x"
    for number, name in enumerate(names):
        nodes.append(node("Conv", [last, "w"], [f"t{number}"], name=name))
        last = f"t{number}"
    nodes += [node("GlobalAveragePool", [last], ["m"], name="EACH"), node("Relu", ["m"], ["y"])]
    agree(
        tmp_path, nodes, {"x": (1, 3, 5, 5)}, {"w": random(1, 3, 3, 1, 1) / 2},
        targets=["native"], threads=threads,
    )  # fmt: skip


def test_an_input_of_no_axes(tmp_path: Path) -> None:
    agree(tmp_path, [node("Mul", ["x", "s"], ["y"])], {"x": (2, 3), "s": ()})


def test_sums_of_batches_are_made_in_place(tmp_path: Path) -> None:
    nodes = [
        node("Conv", ["x", "a"], ["c"]),
        node("Conv", ["c", "b"], ["d"]),
        node("Add", ["d", "c"], ["y"]),
    ]
    values = {"a": random(1, 16, 3, 1, 1), "b": random(2, 16, 16, 1, 1)}
    agree(tmp_path, nodes, {"x": (3, 3, 6, 6)}, values)


def test_a_concat_that_nobody_reads(tmp_path: Path) -> None:
    nodes = [node("Concat", ["x", "x"], ["unread"], axis=-3), node("Relu", ["x"], ["y"])]
    agree(tmp_path, nodes, {"x": (1, 4, 5, 5)})
