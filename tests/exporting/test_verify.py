from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper
from torch import nn

from martlet.errors import MartletError
from martlet.exporting.verify import TOLERANCE, verify
from martlet.inference import open_onnx

WEIGHT = np.random.default_rng(0).standard_normal((3, 12), np.float32)


def linear(scale: float = 1.0) -> nn.Module:
    layer = nn.Linear(12, 3, bias=False)
    layer.weight.data = torch.from_numpy(WEIGHT) * scale
    return nn.Sequential(nn.Flatten(), layer)


def write(path: Path, weight: np.ndarray, batch: str | int = "batch", features: int = 3) -> Path:
    """A file that no exporter of ours has touched: flatten, then one matrix product."""
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["input"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["logits"]),
        ],
        "made by hand",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [batch, 3, 2, 2])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, [batch, features])],
        [numpy_helper.from_array(np.ascontiguousarray(weight.T), "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    onnx.save(model, path)
    return path


def test_the_same_network_passes(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", WEIGHT)
    assert verify(open_onnx(path), linear(), (3, 2, 2)) <= 1e-6


@pytest.mark.parametrize("apart", [3e-5, 1e-2, 1.0])
def test_a_difference_is_measured_and_refused(tmp_path: Path, apart: float) -> None:
    path = write(tmp_path / "a.onnx", WEIGHT * np.float32(1 + apart))
    with pytest.raises(MartletError, match=f"differs.* by {apart:.1g}.*at most 1e-05"):
        verify(open_onnx(path), linear(), (3, 2, 2))


def test_the_difference_is_relative_to_the_scale_of_the_output(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", WEIGHT * np.float32(1 + TOLERANCE / 2) * np.float32(1e6))
    found = verify(open_onnx(path), linear(1e6), (3, 2, 2))
    assert TOLERANCE / 10 < found <= TOLERANCE


@pytest.mark.parametrize("batch", [1, 3])
def test_a_frozen_batch_is_refused(tmp_path: Path, batch: int) -> None:
    path = write(tmp_path / "a.onnx", WEIGHT, batch=batch)
    with pytest.raises(MartletError, match=f"does not run on a batch of {4 - batch}"):
        verify(open_onnx(path), linear(), (3, 2, 2))


def test_another_shape_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", np.concatenate([WEIGHT, WEIGHT[:1]]), features=4)
    with pytest.raises(MartletError, match=r"shape \(1, 4\).*\(1, 3\)"):
        verify(open_onnx(path), linear(), (3, 2, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["PyTorch model", "exported network", "both"])
def test_nan_and_infinity_never_agree(tmp_path: Path, value: float, side: str) -> None:
    model, weight = linear(), WEIGHT.copy()
    if side != "PyTorch model":
        weight[0] = value
    if side != "exported network":
        model[1].weight.data[0] = value
    path = write(tmp_path / "a.onnx", weight)
    with pytest.raises(MartletError, match="gives NaN or infinity"):
        verify(open_onnx(path), model, (3, 2, 2))


class Amplifier(nn.Module):
    """Adds and takes away a large number: float32 keeps 3 to 4 digits of the input, no more."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return linear().to(x.dtype)((x + self.size) - self.size)


def test_a_network_that_amplifies_rounding_is_judged_by_its_own(tmp_path: Path) -> None:
    path = write(tmp_path / "a.onnx", WEIGHT)
    assert verify(open_onnx(path), Amplifier(1000), (3, 2, 2)) > TOLERANCE
    with pytest.raises(MartletError, match=r"at most 0\.001"):
        verify(open_onnx(path), Amplifier(1e6), (3, 2, 2))


def test_the_model_is_compared_as_it_evaluates_and_not_changed(tmp_path: Path) -> None:
    model = nn.Sequential(nn.Dropout(0.5), *linear()).double().train()
    verify(open_onnx(write(tmp_path / "a.onnx", WEIGHT)), model, (3, 2, 2))
    assert model.training
    assert model[2].weight.dtype == torch.float64


def test_a_model_with_two_outputs_is_refused(tmp_path: Path) -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x

    with pytest.raises(MartletError, match="gives a tuple"):
        verify(open_onnx(write(tmp_path / "a.onnx", WEIGHT)), Pair(), (3, 2, 2))


def test_a_refusal_leaves_stdout_and_stderr_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MartletError):
        verify(open_onnx(write(tmp_path / "a.onnx", WEIGHT, batch=1)), linear(), (3, 2, 2))
    assert capfd.readouterr() == ("", "")
