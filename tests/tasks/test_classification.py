from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.measuring.accuracy import evaluation
from martlet.tasks import classification
from martlet.tasks.task import Scored
from martlet.training.recipe import Recipe

SAMPLES: Any = SimpleNamespace(root=Path("data"), classes=("b", "a"), labels=[0, 1, 1])


def test_labels_are_counted_as_the_network_does() -> None:
    assert classification.targets(SAMPLES, ("a", "b", "c")).tolist() == [1, 0, 0]
    with pytest.raises(MartletError, match=r"data has classes .* not know: b; it knows a, c"):
        classification.targets(SAMPLES, ("a", "c"))


def test_both_forms_of_a_name_are_one_class() -> None:
    data: Any = SimpleNamespace(root=Path("data"), classes=("caf\u00e9", "a"), labels=[0, 1])
    assert classification.targets(data, ("a", "cafe\u0301")).tolist() == [1, 0]


def test_soft_targets_weigh_the_loss(recipe: Recipe) -> None:
    logits, exact = (
        torch.randn(2, 3, generator=torch.manual_seed(0)),
        replace(recipe, label_smoothing=0.0),
    )
    hard = [classification.loss(logits, torch.tensor(t), exact) for t in ([0, 0], [2, 2])]
    soft = classification.loss(logits, torch.tensor([[0.75, 0.0, 0.25]] * 2), exact)
    assert soft.item() == pytest.approx(float(0.75 * hard[0] + 0.25 * hard[1]), rel=1e-6)


def test_class_weights_weigh_samples_not_batches(recipe: Recipe) -> None:
    """Each sample by its own class's weight, whatever else is in its batch."""
    logits = torch.randn(4, 3, generator=torch.manual_seed(0))
    targets, weights = torch.tensor([0, 2, 1, 0]), torch.tensor([0.5, 1.0, 3.0])
    each = [classification.loss(logits[i : i + 1], targets[i : i + 1], recipe) for i in range(4)]
    expected = (0.5 * each[0] + 3 * each[1] + each[2] + 0.5 * each[3]) / 4
    task = classification.CLASSIFICATION.weighing(weights)
    torch.testing.assert_close(task.loss(logits, targets, recipe), expected)
    soft = torch.nn.functional.one_hot(targets, 3).float()
    torch.testing.assert_close(task.loss(logits, soft, recipe), expected)
    mixed = torch.tensor([[0.75, 0.0, 0.25]])  # each part by its own class's weight
    two = [task.loss(logits[:1], torch.tensor([label]), recipe) for label in (0, 2)]
    found = task.loss(logits[:1], mixed, recipe)
    torch.testing.assert_close(found, 0.75 * two[0] + 0.25 * two[1])
    alike = classification.CLASSIFICATION.weighing(torch.ones(3))
    plain = classification.loss(logits, targets, recipe)
    torch.testing.assert_close(alike.loss(logits, targets, recipe), plain)


def test_the_most_probable_class_of_a_mixed_target_is_the_right_one() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 0.0]])
    assert classification.counts(logits, torch.tensor([0, 1, 1]))["top1"] == 2
    mixed = torch.tensor([[0.6, 0.4], [0.7, 0.3], [0.9, 0.1]])
    assert classification.counts(logits, mixed)["top1"] == 2


def test_higher_accuracy_wins_then_lower_loss() -> None:
    rows = [{"val_top1": t, "val_loss": v} for t, v in ((0.5, 0.1), (0.9, 0.4), (0.9, 0.3))]
    assert max(rows, key=classification.better) is rows[2]


class Named(dict[int, Any]):
    names = ("w", "x", "y", "z")


@pytest.mark.parametrize(
    ("preprocess", "noun"),
    [(Preprocess(size=4), "pictures"), (ScenePreprocess(), "pixels"), (SeriesPreprocess(), "win")],
)
def test_what_is_drawn_counts_what_the_data_are(tmp_path: Path, preprocess: Any, noun: str) -> None:
    found = evaluation(np.eye(2, dtype=np.float32), np.arange(2), ("a", "b"))
    pixels = [np.zeros((4, 4, 3), np.uint8)] * 2
    samples: Any = Named(enumerate(pixels))
    scored = Scored(samples, (0, 1), ("a", "b"), preprocess, tmp_path)
    classification.draw(found, scored)
    with Image.open(tmp_path / "confusion.png") as drawn:
        assert drawn.info["Description"].startswith(f"2 of 2 {noun}")


def test_the_sheet_starts_with_the_most_confident_mistake(tmp_path: Path) -> None:
    logits = np.array([[0, 1], [3, 0], [0, 4], [2, 0]], np.float32)
    found = evaluation(logits, np.array([0, 0, 0, 0]), ("a", "b"))
    samples: Any = Named({index: np.zeros((4, 4, 3), np.uint8) for index in range(4)})
    scored = Scored(samples, (3, 2, 1, 0), ("a", "b"), Preprocess(size=4), tmp_path)
    assert [shown.name for shown in classification.sheet(found, scored)] == ["x", "z", "w", "y"]


SERIES = SeriesPreprocess(("x", "y"), 10.0, 5, 5, mean=(1.0, 2.0), std=(2.0, 4.0))


class Windows(dict[int, Any]):
    """Nine windows of b, three of a; of c there is none."""

    classes = ("b", "a", "c")
    labels = (0,) * 9 + (1,) * 3
    names = tuple(f"w{n}" for n in range(12))


def test_the_sheet_of_windows_has_training_windows_and_the_most_confident_mistakes(
    tmp_path: Path,
) -> None:
    samples: Any = Windows({n: np.full((5, 2), n, np.float32) for n in range(12)})
    logits = np.array([[9, 0, 0], [0, 1, 0], [0, 0, 2], [1, 0, 0]], np.float32)
    chosen = (8, 7, 6, 11)  # b, b, b, a: all but the first wrong
    found = evaluation(logits, np.array([0, 0, 0, 1]), samples.classes)
    split: Any = SimpleNamespace(train=(0, 1, 2, 3, 4, 5, 9, 10))
    scored = Scored(samples, chosen, samples.classes, SERIES, tmp_path, split)
    examples, mistakes = classification.windows(found, scored, SERIES)
    assert [[one.name for one in row] for row in examples] == [
        ["w0", "w2", "w3", "w5"],
        ["w9", "w10"],
        [],
    ]
    np.testing.assert_array_equal(examples[0][1].values, SERIES.normalise(samples[2])[0])
    assert [(one.name, one.truth, one.predicted) for one in mistakes] == [
        ("w6", "b", "c"), ("w7", "b", "a"), ("w11", "a", "b"),
    ]  # fmt: skip
    assert mistakes[0].probability == pytest.approx(np.exp(2) / (np.exp(2) + 2))
    classification.draw(found, scored)
    assert {path.name for path in tmp_path.iterdir()} == {"confusion.png", "windows.png"}
