"""`--dry-run`: what a run would take is said, nothing is trained and no folder made."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from martlet.api.train import train
from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.training.pace import Pace
from martlet.workflows.run_folder import Run
from martlet.workflows.train import dry_run

Call = Callable[..., tuple[int, str, str]]
PACE = Pace(step=2.0, steps=9, doubt=0.1, begin=10.0, end=1.0, scored=0.5)


def test_a_run_is_expected_and_none_is_made(
    quick: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = quick(dry_run=True, quiet=False, optimizer="adamw")
    assert list(tmp_path.iterdir()) == []
    expected = run.metrics
    once = cost(create_model("shufflenet_v2_x0_5", num_classes=3, small_input=True), (1, 3, 16, 16))
    assert (expected["params"], expected["macs"]) == (once.params, once.macs)
    assert expected["counts"]["train"] == [9, 9, 9]
    assert (expected["epochs"], expected["steps_per_epoch"], expected["batch_size"]) == (2, 3, 8)
    low, high = expected["seconds_range"]
    assert 0 < low < expected["seconds"] < high
    assert expected["memory_bytes"] > 4 * 4 * once.params
    said = capsys.readouterr().err
    assert "M MACs forward for a picture" in said
    assert "2 epochs of" in said
    assert "memory: " in said


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pace in place of a measured one."""
    monkeypatch.setattr(dry_run, "pace_of", lambda *_: PACE)


@pytest.mark.usefixtures("stand_in")
def test_the_seconds_are_those_of_all_steps(quick: Callable[..., Run]) -> None:
    expected = quick(dry_run=True, epochs=20).metrics
    held_out = sum(expected["counts"]["test"]) + sum(expected["counts"]["val"])
    assert expected["seconds_per_epoch"] == 3 * 2 + 1
    assert expected["seconds"] == 10 + 20 * 7 + held_out * 0.5 + 5
    low, high = expected["seconds_range"]
    assert low == expected["seconds"] - 14
    assert high > expected["seconds"] + 14


@pytest.mark.usefixtures("stand_in")
def test_as_json_and_for_people(call: Call, photos: Path, tmp_path: Path) -> None:
    asked = ("train", photos, "--image-size", 16, "--workers", 0, "--folder", tmp_path, "--dry-run")
    code, out, _ = call(*asked, "--json")
    assert code == 0
    assert json.loads(out)["metrics"]["dry_run"] is True
    assert call(*asked)[:2] == (0, "nothing was trained, and no folder was made\n")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("stand_in")
def test_of_several_runs_it_is_the_first(
    quick: Callable[..., Run], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    expected = quick(dry_run=True, cross_validate=4, quiet=False).metrics
    assert expected["counts"]["test"] == [3, 3, 3]
    assert expected["fold"] == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "this is the first of cross_validate=4; each of the others takes as long" in said
    assert list(tmp_path.iterdir()) == []


def test_mistakes_are_those_of_the_run(trained: Run, photos: Path, tmp_path: Path) -> None:
    given: dict[str, Any] = {"folder": trained.folder.parent, "name": "run", "quiet": True}
    with pytest.raises(MartletError, match="exists already"):
        train(photos, dry_run=True, **given)
    with pytest.raises(MartletError, match="does not exist"):
        train(tmp_path / "nowhere", dry_run=True, quiet=True)
