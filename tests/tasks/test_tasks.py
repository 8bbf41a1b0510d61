"""A task made here goes through all verbs, and nothing of training knows of it."""

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch.nn.functional as F
from numpy.typing import NDArray

import martlet
from martlet import Run, tasks
from martlet.errors import MartletError
from martlet.tasks import Task
from martlet.tasks.prediction import Prediction
from martlet.training import checkpoint

REDNESS = {"blue": 0.0, "green": 0.5, "red": 1.0}
drawn: list[Path] = []


def evaluate(outputs: NDArray[Any], targets: NDArray[Any], _: Sequence[str]) -> SimpleNamespace:
    error = float(np.abs(outputs - targets).mean())
    return SimpleNamespace(metrics={"pictures": len(targets), "error": error})


REGRESSION = Task(
    name="redness",
    outputs=lambda samples: ("redness",),
    check=lambda *_: None,
    targets=lambda samples, _: np.array(
        [[REDNESS[samples.classes[label]]] for label in samples.labels], np.float32
    ),
    loss=lambda outputs, targets, _: F.mse_loss(outputs, targets),
    counts=lambda outputs, targets: {"error": (outputs - targets).abs().sum()},
    better=lambda row: (-row["val_error"],),
    evaluate=evaluate,
    told=lambda network, metrics: [f"{network} is off by {metrics['error']:.3f}."],
    draw=lambda found, scored: drawn.append(scored.folder),
    answer=lambda path, row, names, top: Prediction(path, f"{names[0]} {row[0]:.2f}"),
)


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setitem(tasks.TASKS, REGRESSION.name, REGRESSION)
    yield
    drawn.clear()


@pytest.fixture
def regress(quick: Callable[..., Run]) -> Callable[..., Run]:
    return lambda **options: quick(task="redness", optimizer="adamw", **options)


def test_it_trains_and_keeps_its_better_epoch(regress: Callable[..., Run]) -> None:
    run = regress(epochs=8)
    rows = list(csv.DictReader((run.folder / "metrics.csv").read_text().splitlines()))
    assert list(rows[0]) == [
        *("epoch", "lr", "train_loss", "train_error", "val_loss", "val_error", "seconds")
    ]
    errors = [float(row["val_error"]) for row in rows]
    assert run.metrics["best_epoch"] == 1 + errors.index(min(errors))
    assert float(rows[-1]["train_loss"]) < 0.5 * float(rows[0]["train_loss"])
    assert drawn == [run.folder]
    assert checkpoint.load(run.checkpoint)[1].task == "redness"


@pytest.mark.slow
def test_it_resumes_bit_for_bit(
    regress: Callable[..., Run], same_weights: Callable[[Path, Path], bool]
) -> None:
    whole = regress(name="whole", ema=0.9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("martlet.training.loop.SAVE_SECONDS", 0.0)
        patch.setattr("martlet.training.state.State.end_epoch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):  # killed at the end of the first epoch
            regress(name="broken", ema=0.9)
    again = regress(name="broken", ema=0.9, resume=True)
    assert same_weights(whole.folder, again.folder)


@pytest.mark.slow
def test_the_other_verbs_ask_it_too(
    regress: Callable[..., Run], photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = regress()
    scored = martlet.evaluate(run.folder, photos, quiet=True)
    assert scored["error"] == pytest.approx(run.metrics["error"], abs=1e-5)
    file = martlet.export(run.checkpoint)
    for path in (run.folder, file.path):  # type: ignore[union-attr]
        (answer,) = martlet.predict(path, photos / "red" / "001.png")
        assert answer.label.startswith("redness ")


@pytest.mark.parametrize("balance", ["weights", "sampling"])
def test_without_classes_nothing_is_balanced(regress: Callable[..., Run], balance: str) -> None:
    with pytest.raises(MartletError, match=f"^balance='{balance}' is for tasks with classes, and"):
        regress(balance=balance)


def test_a_task_that_is_not_there(quick: Callable[..., Run]) -> None:
    with pytest.raises(MartletError, match="task 'rednes' is not known; did you mean redness"):
        quick(task="rednes")
