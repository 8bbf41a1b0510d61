"""What the verbs say while they work: tables, progress bars, plain sentences, on stderr.

Standard output stays free for results, so that `martlet predict … --json | jq` works while the
progress is still to be seen.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from martlet.console.safe_console import SafeConsole
from martlet.training.job import EpochEnd, Step


class Voice:
    """Prints for people, or nothing at all when `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = SafeConsole(
            stderr=True, quiet=quiet, highlight=False, emoji=False, soft_wrap=True
        )

    def say(self, text: str) -> None:
        """One line; brackets in it are printed as they are."""
        self.console.print(text, markup=False)

    def heading(self, text: str) -> None:
        """A line that opens a section."""
        self.console.print()
        self.console.print(text, markup=False, style="bold")

    def table(self, table: Table) -> None:
        """A rich table."""
        self.console.print(table)

    @contextmanager
    def counting(self, what: str) -> Iterator[Callable[[int, int], None]]:
        """A bar for work in countable pieces; the value yielded takes (done, total)."""
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        progress = Progress(*columns, TimeRemainingColumn(), console=self.console, transient=True)
        task = progress.add_task(what)

        def count(done: int, total: int) -> None:
            progress.start()  # not before: an error that comes first stands on its own line
            progress.update(task, completed=done, total=total)

        try:
            yield count
        finally:
            if progress.live.is_started:
                progress.stop()


class TrainingBar:
    """The progress bar of a training run and the line it leaves behind after every epoch."""

    def __init__(self, voice: Voice, epochs: int, noun: str = "pictures") -> None:
        self.voice, self.epochs, self.told = voice, epochs, False
        self.unit = f"{noun}/s"
        self.times: deque[tuple[float, int]] = deque(maxlen=30)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[means]}"),
            TextColumn("{task.fields[speed]:.0f} " + self.unit),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=voice.console,
            transient=True,
            disable=not voice.console.is_terminal,
        )
        self.task = self.progress.add_task("", epoch=1, means="", speed=0.0)

    def __enter__(self) -> "TrainingBar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def speed(self) -> float:
        """Samples per second over the last steps."""
        if len(self.times) < 2:
            return 0.0
        samples = sum(count for _, count in self.times) - self.times[0][1]
        return samples / max(self.times[-1][0] - self.times[0][0], 1e-9)

    def show(self, event: Step | EpochEnd) -> None:
        """Move the bar, or print the epoch's line."""
        if isinstance(event, Step):
            self.times.append((time.monotonic(), event.samples))
            self.progress.update(
                self.task,
                total=self.epochs * event.batches,
                completed=event.epoch * event.batches + event.batch,
                epoch=event.epoch + 1,
                means="  ".join(f"{name} {shown(name, x)}" for name, x in event.means.items()),
                speed=self.speed(),
            )
            return
        self.voice.say(self._line(event))
        self.times.clear()  # validation is no training speed

    def _line(self, event: EpochEnd) -> str:
        """What stays of an epoch; below the names of the columns for the first one."""
        row, names, figures = event.row, "epoch", f"{event.row['epoch']:5.0f}"
        for part, label, width in (("train_", "", 6), ("val_", "val ", 9)):
            found = [key.removeprefix(part) for key in row if key.startswith(part)]
            for name in found:
                names += f" {label + name:>{width}}"
                figures += f" {shown(name, row[part + name]):>{width}}"
            if found:
                names, figures = f"{names} |", f"{figures} |"
        speed = self.speed()
        told = f"{speed:.0f}" if speed else "–"  # an epoch of one step has none
        figures += f" {told:>{len(self.unit)}} {row['seconds']:8.1f}"
        above = "" if self.told else f"{names} {self.unit}  seconds in all\n"
        self.told = True
        return above + figures + ("  best" if event.best else "")


def shown(name: str, value: float) -> str:
    """Accuracies in percent, all else as a number."""
    return f"{value:.1%}" if name.startswith("top") else f"{value:.3f}"
