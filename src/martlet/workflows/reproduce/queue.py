"""A queue of runs: what is done is passed over, what fails leaves a hole, and the rest goes on.

Several runners may work on one folder: each run is claimed by one of them, and the others take the
next. Each claim is a lock that the system lets go of when its process ends, however it ends.
"""

import shutil
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from martlet.errors import MartletError
from martlet.storage.claim import CLAIM, claimed
from martlet.storage.files import write_bytes
from martlet.training.run_files import MODEL
from martlet.workflows.reproduce.record import WORK, Record
from martlet.workflows.reproduce.tasks import Task
from martlet.workflows.reproduce.train_run import RUN

MODELS = "models"  # where weights lie that are kept, by the key of their run
POLL_SECONDS = 1.0  # between looks whether another runner's run has ended

CarryOut = Callable[[Task, Path], dict[str, Any]]
Said = Callable[[str], None]


@dataclass
class Queue:
    """The runs that are left to do, and what became of them."""

    tasks: Sequence[Task]
    record: Record
    carry_out: CarryOut
    say: Said
    keep: Callable[[Task], bool] = lambda task: False  # whose weights, in models/
    end_runs: Callable[[], None] = lambda: None  # when this runner is told to end
    after: Callable[[], None] = lambda: None  # each run that is recorded, one at a time
    failed: dict[str, str] = field(default_factory=dict)  # key -> why
    _taken: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _stopped: threading.Event = field(default_factory=threading.Event)

    def work_through(self, at_once: int) -> dict[str, str]:
        """Do all runs that the record lacks, so many at once; key -> why, of those that failed.

        Raises MartletError when the record or the folder cannot be written.
        """
        with ThreadPoolExecutor(at_once) as pool:
            try:
                for worker in [pool.submit(self._work) for _ in range(at_once)]:
                    worker.result()
            finally:
                self._stopped.set()
                self.end_runs()
        return self.failed

    def _work(self) -> None:
        elsewhere: list[Task] = []
        while (task := self._next()) is not None:
            if not self._try(task):
                elsewhere.append(task)
        for task in elsewhere:  # done by then, or left by a runner that ended
            while not self._stopped.is_set() and not self._try(task):
                self._stopped.wait(POLL_SECONDS)

    def _next(self) -> Task | None:
        with self._lock:
            if self._stopped.is_set() or self._taken == len(self.tasks):
                return None
            self._taken += 1
            return self.tasks[self._taken - 1]

    def _try(self, task: Task) -> bool:
        """Do a run that nobody has done; False where another runner is at it."""
        folder = self.record.folder / WORK / task.key
        if task.key in self.record.rows():
            return True
        with ExitStack() as stack:
            for last in (False, False, True):
                try:
                    stack.enter_context(claimed(folder))
                    break
                except MartletError:
                    if (folder / CLAIM).exists() or task.key in self.record.rows():
                        return False
                    if last:  # not claimed, nor just let go of: it cannot be written
                        raise
            if task.key not in self.record.rows():
                self._do(task, folder)
        return True

    def _do(self, task: Task, folder: Path) -> None:
        begun = time.monotonic()
        try:
            row = self.carry_out(task, folder)
        except MartletError as error:
            if not self._stopped.is_set():
                self.failed[task.key] = str(error)
                self.say(f"{task.label} failed: {error} The rest goes on.")
            return
        if self.keep(task):
            # A copy, before the row: a kill in between leaves a run that is whole.
            kept = self.record.folder / MODELS / f"{task.key}.safetensors"
            kept.parent.mkdir(parents=True, exist_ok=True)
            write_bytes(kept, (folder / RUN / MODEL).read_bytes())
        self.record.add(row)
        for path in folder.iterdir():  # all but the claim, which is still held
            if path.is_dir():
                shutil.rmtree(path)
        minutes = (time.monotonic() - begun) / 60
        figure = "top1" if "top1" in row else "ap"
        self.say(f"{task.label}: {figure} {float(row[figure]):.2%} ({minutes:.1f} min)")
        with self._lock:
            self.after()
