from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.exporting.verify import TOLERANCE, verify
from martlet.inference import open_onnx

Write = Callable[..., Path]
WEIGHT = np.random.default_rng(0).standard_normal((3, 12), np.float32)


def linear(scale: float = 1.0) -> nn.Module:
    layer = nn.Linear(12, 3, bias=False)
    layer.weight.data = torch.from_numpy(WEIGHT) * scale
    return nn.Sequential(nn.Flatten(), layer)


def test_the_same_network_passes(write_matrix: Write) -> None:
    path = write_matrix(WEIGHT)
    assert verify(open_onnx(path), linear(), (3, 2, 2)) <= 1e-6


def test_the_model_is_divided_by_the_temperature(write_matrix: Write) -> None:
    run = open_onnx(write_matrix(WEIGHT / np.float32(3)))
    assert verify(run, linear(), (3, 2, 2), temperature=3.0) <= 1e-6
    with pytest.raises(MartletError, match="differs"):
        verify(run, linear(), (3, 2, 2))


@pytest.mark.parametrize("apart", [3e-5, 1e-2, 1.0])
def test_a_difference_is_measured_and_refused(write_matrix: Write, apart: float) -> None:
    path = write_matrix(WEIGHT * np.float32(1 + apart))
    with pytest.raises(MartletError, match=f"differs.* by {apart:.1g}.*at most 1e-05"):
        verify(open_onnx(path), linear(), (3, 2, 2))


def test_the_difference_is_relative_to_the_scale_of_the_output(write_matrix: Write) -> None:
    path = write_matrix(WEIGHT * np.float32(1 + TOLERANCE / 2) * np.float32(1e6))
    found = verify(open_onnx(path), linear(1e6), (3, 2, 2))
    assert TOLERANCE / 10 < found <= TOLERANCE


@pytest.mark.parametrize("batch", [1, 3])
def test_a_frozen_batch_is_refused(write_matrix: Write, batch: int) -> None:
    path = write_matrix(WEIGHT, batch=batch)
    with pytest.raises(MartletError, match=f"does not run on a batch of {4 - batch}"):
        verify(open_onnx(path), linear(), (3, 2, 2))


def test_another_shape_is_refused(write_matrix: Write) -> None:
    path = write_matrix(np.concatenate([WEIGHT, WEIGHT[:1]]))
    with pytest.raises(MartletError, match=r"shape \(1, 4\).*\(1, 3\)"):
        verify(open_onnx(path), linear(), (3, 2, 2))


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("side", ["PyTorch model", "exported network", "both"])
def test_nan_and_infinity_never_agree(write_matrix: Write, value: float, side: str) -> None:
    model, weight = linear(), WEIGHT.copy()
    if side != "PyTorch model":
        weight[0] = value
    if side != "exported network":
        model[1].weight.data[0] = value
    path = write_matrix(weight)
    with pytest.raises(MartletError, match="gives NaN or infinity"):
        verify(open_onnx(path), model, (3, 2, 2))


class Amplifier(nn.Module):
    """Adds and takes away a large number: float32 keeps 3 to 4 digits of the input, no more."""

    def __init__(self, size: float) -> None:
        super().__init__()
        self.size = size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return linear().to(x.dtype)((x + self.size) - self.size)


def test_a_network_that_amplifies_rounding_is_judged_by_its_own(write_matrix: Write) -> None:
    path = write_matrix(WEIGHT)
    assert verify(open_onnx(path), Amplifier(1000), (3, 2, 2)) > TOLERANCE
    with pytest.raises(MartletError, match=r"at most 0\.001"):
        verify(open_onnx(path), Amplifier(1e6), (3, 2, 2))


def test_the_model_is_compared_as_it_evaluates_and_not_changed(write_matrix: Write) -> None:
    model = nn.Sequential(nn.Dropout(0.5), *linear()).double().train()
    verify(open_onnx(write_matrix(WEIGHT)), model, (3, 2, 2))
    assert model.training
    assert model[2].weight.dtype == torch.float64


def test_a_model_with_two_outputs_is_refused(write_matrix: Write) -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return x, x

    with pytest.raises(MartletError, match="gives a tuple"):
        verify(open_onnx(write_matrix(WEIGHT)), Pair(), (3, 2, 2))


def test_a_refusal_leaves_stdout_and_stderr_alone(
    write_matrix: Write, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MartletError):
        verify(open_onnx(write_matrix(WEIGHT, batch=1)), linear(), (3, 2, 2))
    assert capfd.readouterr() == ("", "")
