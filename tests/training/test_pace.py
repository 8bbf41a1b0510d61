"""Real steps are timed on a copy: the network that will be trained stays as it is."""

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.to_input import ToInput
from martlet.training import pace
from martlet.training.checkpoint import Header, Network
from martlet.training.job import Job
from martlet.training.pace import Pace, measure_pace
from martlet.training.recipe import Recipe


def batch() -> tuple[Tensor, Tensor]:
    return torch.arange(4 * 48, dtype=torch.uint8).view(4, 4, 4, 3), torch.tensor([0, 1, 0, 1])


class Loader:
    """So many batches an epoch; counts the epochs begun, and the calls of `close`."""

    batch_size, workers = 4, 0

    def __init__(self, batches: int) -> None:
        self.batches, self.epochs, self.closed = batches, 0, 0

    def __len__(self) -> int:
        return self.batches

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        self.epochs += 1
        return (batch() for _ in range(first, self.batches))

    def close(self) -> None:
        self.closed += 1


def measured(loader: Loader, model: nn.Module, folder: Path, val: bool, **limits: float) -> Pace:
    preprocess = Preprocess(size=4, crop_pct=1.0)
    recipe = Recipe(epochs=2, lr=0.1, drop_rate=0.0)
    header = Header(Network("tiny", 2, 3, False), ("a", "b"), preprocess, recipe)
    job = Job(header, loader, [batch()] if val else None, folder, ToInput(preprocess))
    return measure_pace(job, model, [batch()] * 3, validated=4 * val, **limits)


@pytest.mark.parametrize(("batches", "steps"), [(1, 1), (4, 5), (200, 60)])
@pytest.mark.parametrize("val", [False, True])
def test_epochs_of_any_length(tmp_path: Path, batches: int, steps: int, val: bool) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 2))
    before, loader = copy.deepcopy(model.state_dict()), Loader(batches)
    found = measured(loader, model, tmp_path, val)
    assert found.steps == steps  # up to the recipe's epochs, behind three of warm-up
    assert min(found.step, found.end, found.scored, found.begin + 1e-9) > 0
    assert found.doubt >= 0.1
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert list(tmp_path.iterdir()) == []
    assert loader.closed == 1


def test_it_ends_when_its_time_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter(range(10_000))
    monkeypatch.setattr(pace.time, "monotonic", lambda: float(next(clock)))
    found = measured(
        Loader(200), nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), tmp_path, False, seconds=20
    )
    assert found.steps < 20


def test_an_epoch_is_its_steps_and_its_end() -> None:
    assert Pace(step=0.5, steps=9, doubt=0.1, begin=3, end=2, scored=0.01).epoch(8) == 6
