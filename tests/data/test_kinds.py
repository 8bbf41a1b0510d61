"""A kind of data made here, vectors from a CSV file, goes through all verbs."""

import hashlib
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

import martlet
from martlet.data import kinds
from martlet.data.kind import Kind
from martlet.data.split import PARTS
from martlet.errors import MartletError
from martlet.models import Classifier, Spec
from martlet.models.table import FILES
from martlet.workflows.run_folder import read_json

WIDTH = 6


@dataclass(frozen=True)
class Scaled:
    """A line of numbers divided by `by`."""

    by: float
    kind = "vector"
    shape = (WIDTH,)
    in_chans = WIDTH

    def __call__(self, line: str) -> NDArray[np.float32]:
        return self.normalise(np.array(line.split(",")[-WIDTH:], np.float32))

    def crop(self, sample: NDArray[Any]) -> NDArray[Any]:
        return sample

    def normalise(self, samples: NDArray[Any]) -> NDArray[np.float32]:
        return (samples / self.by).astype(np.float32)

    def to_dict(self) -> dict[str, Any]:
        return {"kind": self.kind, "by": self.by}


class Table:
    """Lines "subject,class,numbers"."""

    odd: Sequence[str] = ()

    def __init__(self, root: Path) -> None:
        self.root = root
        rows = [line.split(",") for line in root.read_text().splitlines()]
        self.names = [f"line {number + 1}" for number in range(len(rows))]
        self.groups = [row[0] for row in rows]
        self.classes = tuple(sorted({row[1] for row in rows}))
        self.labels = [self.classes.index(row[1]) for row in rows]
        self.digests = [hashlib.sha256(",".join(row[2:]).encode()).hexdigest() for row in rows]
        self.parts = [None] * len(rows)
        self.values = np.array([row[2:] for row in rows], np.float32)

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, index: int) -> NDArray[Any]:
        return self.values[index]


def jitter(sample: NDArray[Any]) -> Tensor:
    return torch.from_numpy(sample) + 0.1 * torch.randn(WIDTH)


@dataclass
class Normalised:
    preprocess: Scaled
    device: torch.device

    def __call__(self, samples: Tensor) -> Tensor:
        return torch.from_numpy(self.preprocess.normalise(samples.numpy())).to(self.device)


VECTORS = Kind(
    name="vector",
    data="tables",
    noun="lines",
    prepare=lambda options, before, known: Scaled(4.0),
    preprocess=lambda values: Scaled(values["by"]),
    read=lambda data, preprocess, **_: Table(data),
    find=lambda paths: [line for path in paths for line in path.read_text().splitlines()],
    augment=lambda preprocess, recipe: jitter,
    to_input=Normalised,
)


@dataclass(frozen=True)
class VectorInput:
    channels: int = WIDTH
    kind = "vector"
    shape = (WIDTH,)


class Perceptron(Classifier):
    """Two layers."""

    def __init__(self, in_chans: int) -> None:
        super().__init__()
        self.num_features = 16
        self.hidden = nn.Linear(in_chans, 16)

    def forward_features(self, x: Tensor) -> Tensor:
        return self.hidden(x).relu()

    def pool(self, features: Tensor) -> Tensor:
        return features


@pytest.fixture(autouse=True)
def known(monkeypatch: pytest.MonkeyPatch) -> None:
    file: Any = ModuleType("martlet.models.perceptron")
    file.VARIANTS = (Spec("perceptron", 0, 0, input=VectorInput()),)  # type: ignore[arg-type]
    file.build = lambda variant, *, in_chans: Perceptron(in_chans)
    monkeypatch.setitem(sys.modules, file.__name__, file)
    monkeypatch.setattr("martlet.models.table.FILES", (*FILES, "perceptron"))
    monkeypatch.setitem(kinds.KINDS, "vector", VECTORS)


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Twenty subjects, four lines each, of two classes that differ in their mean."""
    rng = np.random.default_rng(0)
    rows = [
        (f"s{subject}", "high" if turn % 2 else "low", *rng.normal(4 * (turn % 2), 1.0, WIDTH))
        for subject in range(20)
        for turn in range(4)
    ]
    path = tmp_path / "lines.csv"
    path.write_text("".join(",".join(map(str, row)) + "\n" for row in rows))
    return path


@pytest.mark.slow
def test_vectors_go_through_all_verbs(table: Path, tmp_path: Path) -> None:
    options: Mapping[str, Any] = {"model": "perceptron", "epochs": 6, "batch_size": 8}
    run = martlet.train(table, **options, workers=1, folder=tmp_path, name="run", quiet=True)
    assert run.metrics["top1"] >= 0.9
    split = read_json(run.folder / "split.json")
    subjects = [{row[3] for row in split[part]} for part in PARTS]
    assert [len(found) for found in subjects] == [14, 2, 4]
    scored = martlet.evaluate(run.folder, table, quiet=True)
    assert (scored["top1"], scored["lines"]) == (run.metrics["top1"], 16)
    file: Any = martlet.export(run.checkpoint)
    by_torch, by_onnx = (martlet.predict(path, table) for path in (run.folder, file.path))
    assert [answer.label for answer in by_torch] == [answer.label for answer in by_onnx]
    lines = table.read_text().splitlines()
    right = [line.split(",")[1] == a.label for line, a in zip(lines, by_torch, strict=True)]
    assert sum(right) >= 72
    (row,) = martlet.measure(run.folder, engines=["torch"], seconds=0.05)
    assert row.median_ms > 0
    again = martlet.train(
        table, **options, workers=0, folder=tmp_path, name="run", quiet=True, resume=True
    )
    assert again.metrics["top1"] == run.metrics["top1"]


def test_a_kind_that_is_not_there() -> None:
    known = "accepted: image, cube, series, boxes, v"
    with pytest.raises(MartletError, match=f"kind of data 'scent' is not known; {known}"):
        kinds.preprocess_from({"kind": "scent"})
    with pytest.raises(MartletError, match=r"preprocess=\[\] is not a table of settings"):
        kinds.preprocess_from([])
