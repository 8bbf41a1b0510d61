"""What trackers are told, and that none of them holds up training."""

import json
import sys
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from martlet.errors import MartletError
from martlet.training import trackers as module
from martlet.training.trackers import About, Row, Trackers, figures, names_of

ROWS = [{"epoch": epoch, "train_loss": 1.0 / epoch} for epoch in (1, 2, 3)]


class Fake(ModuleType):
    """A module that connects to a tracker which keeps what it is told."""

    def __init__(self) -> None:
        super().__init__("fake")
        self.told: list[Any] = []
        self.connected: list[Mapping[str, Any]] = []
        self.fails: Exception | None = None
        self.answers = threading.Event()
        self.answers.set()

    def connect(self, about: About, known: Mapping[str, Any]) -> "Fake":
        self.connected.append(known)
        self.answers.wait(20)
        if self.fails is not None:
            raise self.fails
        return self

    def known(self) -> dict[str, Any]:
        return {"id": "r1"}

    def tell(self, rows: Sequence[Row]) -> None:
        self.told.append(len(rows))

    def finish(self, metrics: Row, files: Sequence[Path]) -> None:
        self.told.append((dict(metrics), [path.name for path in files]))

    def close(self, *, finished: bool) -> None:
        self.told.append(finished)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[Fake]:
    made = Fake()
    monkeypatch.setitem(sys.modules, "wandb", made)
    monkeypatch.setitem(module.MODULES, "wandb", "wandb")
    yield made
    made.answers.set()


def opened(folder: Path, said: list[str], **options: Any) -> Trackers:
    return Trackers(("wandb",), About("run", folder, {}), said.append, **options)


def test_names_are_read_and_checked(fake: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    assert names_of("tensorboard") == ("tensorboard",)
    assert names_of(" wandb, tensorboard,wandb") == ("wandb", "tensorboard")
    assert names_of(["wandb"]) == ("wandb",)
    assert names_of("none") == names_of("") == ()
    with pytest.raises(MartletError, match="log 'wandbb' is not known; did you mean wandb"):
        names_of("wandbb")
    monkeypatch.setitem(sys.modules, "mlflow", None)
    with pytest.raises(MartletError, match=r"needs mlflow, .* pip install 'martlet\[mlflow\]'\.$"):
        names_of("tensorboard,mlflow")


def test_all_is_told_in_order_and_the_run_is_remembered(fake: Fake, tmp_path: Path) -> None:
    said: list[str] = []
    (tmp_path / "report.html").touch()
    with opened(tmp_path, said) as trackers:
        assert not trackers.tensorboard
        trackers.note(ROWS[:1])
        trackers.note(ROWS[:2])
        files = [tmp_path / "report.html", tmp_path / "gone.csv"]
        trackers.finish({"test/top1": 0.5}, files)
    assert fake.told == [1, 2, ({"test/top1": 0.5}, ["report.html"]), True]
    assert json.loads((tmp_path / "trackers.json").read_text()) == {"wandb": {"id": "r1"}}
    with opened(tmp_path, said) as trackers:  # interrupted
        trackers.note(ROWS)
    assert fake.told[4:] == [3, False]
    assert (fake.connected, said) == ([{}, {"id": "r1"}], [])


def test_one_that_fails_is_said_once(fake: Fake, tmp_path: Path) -> None:
    said: list[str] = []
    fake.fails = ConnectionError("nobody listens at 127.0.0.1:9\nand more")
    with opened(tmp_path, said) as trackers:
        for count in (1, 2, 3):
            trackers.note(ROWS[:count])
        trackers.finish({}, [])
    assert len(said) == 1
    assert said[0].startswith("wandb failed (nobody listens at 127.0.0.1:9 and more): it is told")
    assert fake.told == []


def test_one_that_never_answers_is_waited_for_at_the_end_alone(fake: Fake, tmp_path: Path) -> None:
    said: list[str] = []
    fake.answers.clear()
    with opened(tmp_path, said, patience=0.01) as trackers:
        trackers.note(ROWS)
        assert said == []
    assert said[0].startswith("wandb has not answered for 0.01 seconds at the end of the run")


def test_what_is_not_told_anything_is_not_connected(fake: Fake, tmp_path: Path) -> None:
    with opened(tmp_path, []):
        pass
    assert fake.connected == []
    assert not (tmp_path / "trackers.json").exists()
    assert Trackers().tensorboard


def test_a_damaged_memory_starts_anew(fake: Fake, tmp_path: Path) -> None:
    for content in ("{", "[]", '{"wandb": 3}'):
        (tmp_path / "trackers.json").write_text(content)
        with opened(tmp_path, []) as trackers:
            trackers.note(ROWS)
    assert fake.connected == [{}, {}, {}]


def test_figures_are_numbers_with_their_part() -> None:
    metrics = {"part": "test", "top1": 0.5, "pictures": 4, "per_class": [], "odd": ["x"], "x": True}
    assert figures(metrics) == {"test/top1": 0.5, "test/pictures": 4.0}
