"""Trackers of experiments, told of each epoch beside metrics.csv: MLflow, Weights & Biases.

Each is told by a thread of its own: one that is slow, or does not answer, holds up no step of
training. What it calls the run is kept in the run's folder, so that a run that is resumed goes on
in the same place, and is told nothing twice. TensorBoard's events are the journal's.
"""

import importlib
import json
import queue
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from martlet.errors import MartletError, shortened, unknown
from martlet.storage.files import write_text
from martlet.training.run_files import TRACKERS

TENSORBOARD = "tensorboard"
MODULES = {"mlflow": "martlet.training.to_mlflow", "wandb": "martlet.training.to_wandb"}
NAMES = (TENSORBOARD, *MODULES)
PATIENCE_SECONDS = 30.0  # at the end, for what a tracker has not taken yet

Row = Mapping[str, float]


@dataclass(frozen=True)
class About:
    """What a tracker is told of a run when it meets it.

    name: of the run; params: what decides its weights, and on what data.
    """

    name: str
    folder: Path
    params: Mapping[str, Any]


class Tracker(Protocol):
    """A connection to one. Its methods may raise anything; nothing is called after that."""

    def known(self) -> dict[str, Any]:
        """What finds the same run again, JSON-safe."""

    def tell(self, rows: Sequence[Row]) -> None:
        """All rows so far, with "epoch" from 1; those that it has are left out."""

    def finish(self, metrics: Row, files: Sequence[Path]) -> None:
        """The final figures and what stays of the run."""

    def close(self, *, finished: bool) -> None:
        """No more comes: the run has ended, or was interrupted."""


def names_of(log: str | Sequence[str]) -> tuple[str, ...]:
    """The trackers of the option `log`, looked at without a connection.

    Raises MartletError for one that is not known, or whose library is not installed.
    """
    listed = log.split(",") if isinstance(log, str) else log
    names = tuple(dict.fromkeys(name.strip() for name in listed if name.strip()))
    if names in ((), ("none",)):
        return ()
    for name in names:
        if name not in NAMES:
            raise unknown("log", name, (*NAMES, "none"))
        if name != TENSORBOARD:
            try:
                importlib.import_module(name)
            except ImportError as error:
                raise MartletError(
                    f"log={name!r} needs {name}, which is not installed: "
                    f"pip install 'martlet[{name}]'."
                ) from error
    return names


@dataclass
class Trackers:
    """Tells all that are asked for; leaving the block waits `patience` seconds for them at most.

    say: takes the one sentence on a tracker that does not answer.
    """

    names: Sequence[str] = (TENSORBOARD,)
    about: About | None = None
    say: Callable[[str], None] = print
    patience: float = PATIENCE_SECONDS
    _lines: list["_Line"] = field(default_factory=list)
    _finished: bool = False

    @property
    def tensorboard(self) -> bool:
        """Whether the journal writes TensorBoard's events."""
        return TENSORBOARD in self.names

    def __enter__(self) -> "Trackers":
        if self.about is not None:
            memory = _Memory(self.about.folder / TRACKERS)
            self._lines = [
                _Line(name, self.about, memory, self.say)
                for name in self.names
                if name != TENSORBOARD
            ]
        return self

    def note(self, history: Sequence[Row]) -> None:
        """Tell the rows, one an epoch."""
        rows = list(history)
        for line in self._lines:
            line.put(lambda tracker: tracker.tell(rows))

    def finish(self, metrics: Row, files: Sequence[Path]) -> None:
        """Tell the final figures, and keep the files that are there."""
        found = [path for path in files if path.exists()]
        for line in self._lines:
            line.put(lambda tracker: tracker.finish(metrics, found))
        self._finished = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for line in self._lines:
            line.end(finished=self._finished)
        for line in self._lines:
            line.wait(self.patience)


def figures(metrics: Mapping[str, Any]) -> dict[str, float]:
    """The numbers among a run's metrics, named by the part that they are of: "test/top1"."""
    return {
        f"{metrics.get('part', 'final')}/{name}": float(value)
        for name, value in metrics.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


class _Memory:
    """The file with what each tracker calls the run."""

    def __init__(self, path: Path) -> None:
        self.path, self._turn = path, threading.Lock()
        self._held: dict[str, Any] = {}
        with suppress(OSError, ValueError):
            held = json.loads(path.read_text(encoding="utf-8"))
            self._held = held if isinstance(held, dict) else {}

    def of(self, name: str) -> Mapping[str, Any]:
        held = self._held.get(name)
        return held if isinstance(held, dict) else {}

    def keep(self, name: str, known: dict[str, Any]) -> None:
        with self._turn:
            if self._held.get(name) != known:
                self._held[name] = known
                write_text(self.path, json.dumps(self._held))


class _Line:
    """The thread that tells one tracker; it starts with the first thing to tell.

    Before that the processes that prepare batches are started, which copy no thread.
    """

    def __init__(
        self, name: str, about: About, memory: _Memory, say: Callable[[str], None]
    ) -> None:
        self.name, self.about, self.memory, self.say = name, about, memory, say
        self._calls: queue.SimpleQueue[Callable[[Tracker], None] | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._said = False

    def put(self, call: Callable[[Tracker], None]) -> None:
        self._calls.put(call)
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name=self.name, daemon=True)
            self._thread.start()

    def end(self, *, finished: bool) -> None:
        self._calls.put(lambda tracker: tracker.close(finished=finished))
        self._calls.put(None)

    def wait(self, seconds: float) -> None:
        if self._thread is None:
            return
        self._thread.join(seconds)
        if self._thread.is_alive():
            self._tell(f"has not answered for {seconds:g} seconds at the end of the run")

    def _work(self) -> None:
        try:
            tracker: Tracker = importlib.import_module(MODULES[self.name]).connect(
                self.about, self.memory.of(self.name)
            )
            self.memory.keep(self.name, tracker.known())
            while (call := self._calls.get()) is not None:
                call(tracker)
                self.memory.keep(self.name, tracker.known())
        except Exception as error:  # of another's library and its server: of any kind
            self._tell(f"failed ({shortened(str(error), 160) or type(error).__name__})")

    def _tell(self, what: str) -> None:
        if not self._said:
            self._said = True
            self.say(
                f"{self.name} {what}: it is told no more of this run, whose figures are in "
                f"{self.about.folder} all the same; --resume tells what it lacks."
            )
