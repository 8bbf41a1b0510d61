import copy
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.measuring.engines import onnxruntime_engine, torch_engine

BATCH = np.random.default_rng(0).standard_normal((2, 3, 8, 8), np.float32)


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Dropout(0.5), nn.Flatten(), nn.Linear(144, 5)
    )


@pytest.fixture
def matrix(write_matrix: Callable[..., Path]) -> tuple[Path, np.ndarray]:
    weight = np.random.default_rng(1).standard_normal((5, 192), np.float32)
    return write_matrix(weight, shape=(3, 8, 8)), weight


@pytest.mark.parametrize("channels_last", [True, False])
def test_torch_answers_as_the_model_in_evaluation(channels_last: bool) -> None:
    model = network()
    with torch.inference_mode():
        expected = copy.deepcopy(model).eval()(torch.from_numpy(BATCH)).numpy()
    engine = torch_engine(model, 1, channels_last=channels_last)
    np.testing.assert_allclose(engine(BATCH), expected, atol=1e-5)
    assert np.array_equal(engine(BATCH), engine(BATCH))


def test_torch_leaves_the_model_and_the_batch_alone() -> None:
    model = network().train()
    before, batch = copy.deepcopy(model), BATCH.copy()
    torch_engine(model, 1)(batch)
    assert model.training
    for old, new in zip(before.parameters(), model.parameters(), strict=True):
        assert torch.equal(old, new)
        assert (old.requires_grad, old.stride()) == (new.requires_grad, new.stride())
    assert torch.equal(before[1].running_mean, model[1].running_mean)
    assert np.array_equal(batch, BATCH)


@pytest.mark.parametrize("threads", [1, 2])
def test_torch_uses_the_threads_asked_for_and_gives_them_back(threads: int) -> None:
    seen: list[int] = []

    class Spy(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            if len(x) == 1:
                raise RuntimeError("stop")
            return x

    before = torch.get_num_threads()
    engine = torch_engine(Spy(), threads)
    engine(BATCH)
    assert torch.get_num_threads() == before
    with pytest.raises(RuntimeError, match="stop"):
        engine(BATCH[:1])
    assert torch.get_num_threads() == before
    assert seen == [threads, threads]
    assert engine.threads == threads


@pytest.mark.parametrize("spinning", [True, False])
def test_onnxruntime_runs_any_file(matrix: tuple[Path, np.ndarray], spinning: bool) -> None:
    path, weight = matrix
    engine = onnxruntime_engine(path, 2, spinning=spinning)
    np.testing.assert_allclose(engine(BATCH), BATCH.reshape(2, -1) @ weight.T, atol=1e-4)
    assert (engine.name, engine.threads) == ("onnxruntime", 2)


@pytest.mark.parametrize("threads", [0, -2])
def test_threads_that_are_none(matrix: tuple[Path, np.ndarray], threads: int) -> None:
    with pytest.raises(MartletError, match=f"threads={threads} is not accepted"):
        torch_engine(network(), threads)
    with pytest.raises(MartletError, match=f"threads={threads} is not accepted"):
        onnxruntime_engine(matrix[0], threads)


@pytest.mark.parametrize("shape", [(2, 30, 9), (2, 1, 9, 7, 7)])
def test_torch_takes_inputs_of_other_dimensions(shape: tuple[int, ...]) -> None:
    layers = {3: nn.Conv1d(30, 4, 3), 5: nn.Sequential(nn.Conv3d(1, 2, 3), nn.Flatten())}
    model, batch = layers[len(shape)].eval(), np.ones(shape, np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(torch_engine(model, 1)(batch), expected, atol=1e-6)
