"""Weights & Biases, played by a module in its place: what is called, and with what."""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from martlet.training.trackers import About, Trackers
from martlet.workflows.run_folder import Run

ROWS = [{"epoch": epoch, "train_loss": 1.0 / epoch} for epoch in (1, 2, 3, 4)]


class Wandb(ModuleType):
    """The part of wandb that is used. `server`: the runs are known there, not here alone."""

    def __init__(self, *, server: bool) -> None:
        super().__init__("wandb")
        self.server, self.rows, self.inits = server, [], []  # type: ignore[var-annotated]
        self.summary: dict[str, Any] = {}
        self.files: list[str] = []
        self.ends: list[int] = []
        self.id, self.step = "", 0
        self.Artifact = lambda name, kind: SimpleNamespace(name=name, add_file=self.files.append)

    def init(self, **options: Any) -> "Wandb":
        self.inits.append(options)
        self.id = options["id"] or "new"
        known = self.server and options["id"] is not None and self.rows
        self.step = self.rows[-1][0] + 1 if known else 0
        return self

    def log(self, row: dict[str, float], step: int) -> None:
        self.rows.append((step, row["train/loss"]))

    def log_artifact(self, artifact: Any) -> None:
        self.files.append(artifact.name)

    def finish(self, exit_code: int) -> None:
        self.ends.append(exit_code)


@pytest.mark.parametrize("server", [True, False])
def test_a_run_that_goes_on_is_told_each_epoch_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: bool
) -> None:
    wandb = Wandb(server=server)
    monkeypatch.setitem(sys.modules, "wandb", wandb)
    monkeypatch.setenv("WANDB_PROJECT", "birds")
    about, said = About("run", tmp_path, {"lr": 0.1}), []  # type: ignore[var-annotated]
    for histories in ((1, 2), (2, 3), (4,)):
        with Trackers(("wandb",), about, said.append) as trackers:
            for count in histories:
                trackers.note(ROWS[:count])
            if histories == (4,):
                (tmp_path / "report.html").touch()
                trackers.finish({"test/top1": 0.75}, [tmp_path / "report.html"])
    assert wandb.rows == [(1, 1.0), (2, 0.5), (3, 1 / 3), (4, 0.25)]
    assert [options["id"] for options in wandb.inits] == [None, "new", "new"]
    assert wandb.inits[0]["project"] == "birds"
    assert wandb.inits[0]["config"] == {"lr": 0.1}
    assert wandb.inits[0]["dir"] == str(tmp_path)
    assert (wandb.summary, wandb.ends) == ({"test/top1": 0.75}, [1, 1, 0])
    assert wandb.files == [str(tmp_path / "report.html"), "run-new"]
    assert said == []


@pytest.mark.slow
def test_training_tells_it(quick: Callable[..., Run], monkeypatch: pytest.MonkeyPatch) -> None:
    wandb = Wandb(server=False)
    monkeypatch.setitem(sys.modules, "wandb", wandb)

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("martlet.training.journal.Journal.note", stop)
        with pytest.raises(KeyboardInterrupt):
            quick(log="wandb")
    assert wandb.inits == []  # stopped before there was anything to tell
    run = quick(log="wandb", resume=True)
    assert [step for step, _ in wandb.rows] == [1, 2]
    assert wandb.summary["test/top1"] == run.metrics["top1"]
    assert wandb.inits[0]["config"]["epochs"] == 2
    assert wandb.inits[0]["config"]["network"] == "shufflenet_v2_x0_5"
    assert [Path(name).name for name in wandb.files] == ["report.html", "metrics.csv", "run-new"]
    assert not list(run.folder.glob("events.*"))
