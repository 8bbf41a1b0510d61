"""Batch norm: how far its averages reach back, and averages measured anew."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from torch import Tensor, nn

from martlet.api.train import train
from martlet.data.loader import TrainLoader
from martlet.training.batch_norm import BATCHES, measure_again, measure_over, set_momentum
from martlet.training.freezing import MARK


@pytest.mark.parametrize(
    ("steps", "own", "expected"),
    [(10**6, 0.1, 0.1), (10**6, 0.01, 0.01), (100, 0.01, 0.1), (3000, 0.01, 1 / 30)],
)
def test_averages_fit_the_length_of_the_run(steps: int, own: float, expected: float) -> None:
    model = nn.Sequential(nn.BatchNorm2d(3, momentum=own), nn.BatchNorm2d(3, momentum=None))
    set_momentum(model, steps)
    assert model[0].momentum == pytest.approx(expected)
    assert model[1].momentum is None


class Loader:
    """Twelve batches, which follow from epoch and number."""

    def __len__(self) -> int:
        return 12

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        for number in range(first, len(self)):
            generator = torch.Generator().manual_seed(100 * epoch + number)
            yield 5 + 3 * torch.randn(16, 4, 2, 2, generator=generator), torch.zeros(16)


def test_averages_are_those_of_the_last_batches() -> None:
    model = nn.Sequential(nn.Dropout(0.9), nn.BatchNorm2d(4, momentum=0.02), nn.Conv2d(4, 1, 1))
    model.train()
    measure_again(model, cast(TrainLoader, Loader()), 3, lambda samples: samples)
    values = torch.stack([batch for batch, _ in Loader().epoch(3, first=12 - BATCHES)])
    torch.testing.assert_close(model[1].running_mean, values.mean((0, 1, 3, 4)))
    batches = values.transpose(1, 2).flatten(2)
    torch.testing.assert_close(model[1].running_var, batches.var(2).mean(0))
    assert model[1].momentum == 0.02
    assert not model[1].weight.grad


def test_a_network_without_averages_is_left_alone() -> None:
    model = nn.Sequential(nn.BatchNorm2d(4, track_running_stats=False), nn.ReLU())
    measure_again(model, cast(TrainLoader, None), 0, lambda samples: samples)
    assert model[0].running_mean is None


@pytest.fixture(scope="module")
def twenty_classes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Forty pictures of each digit, light on dark, and forty others dark on light."""
    folder, digits = tmp_path_factory.mktemp("twenty"), load_digits()
    for label in range(20):
        (folder / f"{label:02}").mkdir()
        start = 40 * (label // 10)
        for index in np.flatnonzero(digits.target == label % 10)[start : start + 40]:
            pixels = (digits.images[index] * 15.9).astype(np.uint8)
            pixels = pixels if label < 10 else 255 - pixels
            Image.fromarray(pixels).save(folder / f"{label:02}" / f"{index}.png")
    return folder


def four_epochs(name: str, batch_size: int, mark: str = "slow") -> object:
    """A network whose training takes a quarter of a minute."""
    return pytest.param(name, batch_size, marks=getattr(pytest.mark, mark))


@pytest.mark.parametrize(
    ("name", "batch_size"),
    [
        four_epochs("shufflenet_v1_g3_x0_5", 16, "long"),
        four_epochs("shufflenet_v2_x0_5", 16),
        four_epochs("mobilenet_v1_x0_5", 16, "long"),
        four_epochs("mobilenet_v2_x0_5", 16, "long"),
        four_epochs("mobilenet_v3_small_x1_0", 8, "long"),
        four_epochs("se_resnet20", 16, "long"),
    ],
)
def test_four_epochs_leave_chance_behind(
    twenty_classes: Path, tmp_path: Path, name: str, batch_size: int
) -> None:
    """560 pictures; chance is 5 %, and 240 others are scored: 10 % is no accident."""
    run = train(
        twenty_classes, model=name, epochs=4, batch_size=batch_size, image_size=32, channels="L",
        flip=False, resize="squash", crop_scale=0.75, folder=tmp_path, workers=0, quiet=True,
    )  # fmt: skip
    with (run.folder / "metrics.csv").open() as rows:
        *_, last = csv.DictReader(rows)
    validation = float(last["val_top1"])
    print(f"{name}: {validation:.3f} of validation, {run.metrics['top1']:.3f} of test")
    assert (80 * validation + 160 * run.metrics["top1"]) / 240 > 0.1


def test_averages_over_all_batches_leave_frozen_layers_alone() -> None:
    model = nn.Sequential(nn.BatchNorm2d(4), nn.BatchNorm2d(4))
    setattr(model[1], MARK, True)
    batches = [*Loader().epoch(0), (torch.full((1, 4, 2, 2), 1e6), torch.zeros(1))]
    measure_over(model, batches, lambda samples: samples)
    values = torch.stack([batch for batch, _ in batches[:-1]])
    torch.testing.assert_close(model[0].running_mean, values.mean((0, 1, 3, 4)))
    assert torch.equal(model[1].running_mean, torch.zeros(4))
    assert not any(module.training for module in model.modules() if module is not model[0])
