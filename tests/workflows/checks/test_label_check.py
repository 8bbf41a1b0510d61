import csv
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.workflows.checks.label_check import check_labels
from martlet.workflows.folds.out_of_fold import OutOfFold

CLASSES = ("cat", "dog")
NAMES = [f"{CLASSES[n % 2]}/{n}.jpg" for n in range(10)]


class Pictures(dict[int, Any]):
    names = tuple(NAMES)
    classes = CLASSES


@pytest.fixture
def samples() -> Any:
    return Pictures({n: np.full((20, 30, 3), 20 * n, np.uint8) for n in range(10)})


def answers(wrong: tuple[int, ...]) -> OutOfFold:
    """All sure of the label, but for some; in another order than the samples, as folds are."""
    order = np.arange(10)[::-1]
    labels = order % 2
    logits = np.where(np.eye(2)[labels] == 1, 3.0, -3.0) + 0.01 * order[:, None] * [1, -1]
    logits[np.isin(order, wrong)] *= -1
    names = np.array(NAMES)[order]
    return OutOfFold(
        np.array(CLASSES), names, names, labels, order, logits.astype(np.float32)
    )  # fmt: skip


def test_suspects_are_listed_and_shown(tmp_path: Path, samples: Any) -> None:
    said = check_labels(tmp_path, answers((3, 6)), samples, Preprocess(16), "pictures")
    assert "2 of 10 pictures have another answer" in said
    with (tmp_path / "suspects.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["path"] for row in rows] == ["cat/6.jpg", "dog/3.jpg"]
    assert [(row["label"], row["answer"]) for row in rows] == [("cat", "dog"), ("dog", "cat")]
    shares = [float(rows[0][f"{name}_probability"]) for name in ("label", "answer")]
    assert shares[0] < 0.01 < 0.99 < shares[1]
    with Image.open(tmp_path / "suspects.png") as sheet:
        assert "Labels in doubt" in sheet.info["Description"]


def test_where_all_agree_no_sheet_is_left(tmp_path: Path, samples: Any) -> None:
    check_labels(tmp_path, answers((3,)), samples, Preprocess(16), "pictures")
    said = check_labels(tmp_path, answers(()), samples, Preprocess(16), "pictures")
    assert "agrees with the label of all pictures" in said
    assert not (tmp_path / "suspects.png").exists()
    assert len((tmp_path / "suspects.csv").read_text().splitlines()) == 1


def test_of_other_data_there_is_the_list_alone(tmp_path: Path) -> None:
    samples: Any = SimpleNamespace(names=NAMES)
    how = SeriesPreprocess(("x",), 10.0, 8, 4, mean=(0.0,), std=(1.0,))
    said = check_labels(tmp_path, answers((3,)), samples, how, "windows")
    assert "1 of 10 windows" in said
    assert [path.name for path in tmp_path.iterdir()] == ["suspects.csv"]
