import shlex
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from martlet.console import tables
from martlet.data.pictures.preprocess import Preprocess
from martlet.inference import Prediction
from martlet.measuring.accuracy import called, evaluation
from martlet.workflows.convert import ConvertedFile
from martlet.workflows.run_folder import Run


@pytest.fixture
def narrow() -> Console:
    return Console(file=StringIO(), width=40)


def text(console: Console) -> str:
    assert isinstance(console.file, StringIO)
    return console.file.getvalue()


def lines(console: Console) -> list[str]:
    return text(console).splitlines()


def test_brackets_are_no_markup(narrow: Console) -> None:
    answer = Prediction("img[a].jpg", "[bold]x", 0.5, (("[bold]x", 0.5), ("[/y]", 0.25)))
    tables.predicted([answer], narrow)
    for part in ("img[a].jpg", "[bold]x", "[/y] 25.0%"):
        assert part in text(narrow)


def test_what_comes_next_can_be_pasted(narrow: Console, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tables, "out", lambda: narrow)
    tables.trained(Run(Path("my runs")))
    assert "  martlet measure 'my runs'\n" in text(narrow)
    preprocess = Preprocess(size=32)
    made = ConvertedFile(Path("it's.safetensors"), "a", {}, 1, 1, 1, preprocess, "b")
    tables.converted(made, narrow)
    assert shlex.quote("it's.safetensors") in text(narrow)


@pytest.mark.parametrize(
    ("noun", "file"),
    [("pictures", "some.jpg"), ("pixels", "scene.mat"), ("windows", "recording.csv")],
)
@pytest.mark.parametrize("earlier", [False, True])
def test_figures_and_the_next_line_are_of_the_kind_of_data(
    monkeypatch: pytest.MonkeyPatch, noun: str, file: str, earlier: bool
) -> None:
    console = Console(file=StringIO(), width=200)
    monkeypatch.setattr(tables, "out", lambda: console)
    found = evaluation(np.eye(2, dtype=np.float32), np.arange(2), ("a", "b")).metrics
    metrics = {**found, "noun": noun} if earlier else called(found, noun)
    tables.trained(Run(Path("run"), metrics))
    tables.evaluated(metrics)
    said = text(console)
    assert f"  martlet predict run {file}\n" in said
    assert f"top1 100.00% of 2 {noun} (95 % interval" in said
    assert noun in said.splitlines()[-3].split()
    assert noun == "pictures" or "picture" not in said
