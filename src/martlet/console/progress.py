"""What the verbs say while they work: tables, progress bars, plain sentences, on stderr.

Standard output stays free for results, so that `martlet predict … --json | jq` works while the
progress is still to be seen.
"""

import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskProgressColumn,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Table

from martlet.training.loop import EpochEnd, Step


class Voice:
    """Prints for people, or nothing at all when `quiet`."""

    def __init__(self, quiet: bool = False) -> None:
        self.console = Console(
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
        with Progress(
            *columns, TimeRemainingColumn(), console=self.console, transient=True
        ) as progress:
            task = progress.add_task(what)
            yield lambda done, total: progress.update(task, completed=done, total=total)


class TrainingBar:
    """The progress bar of a training run and the line it leaves behind after every epoch."""

    def __init__(self, voice: Voice, epochs: int, validated: bool) -> None:
        self.voice, self.epochs, self.validated = voice, epochs, validated
        self.times: deque[tuple[float, int]] = deque(maxlen=30)
        self.progress = Progress(
            TextColumn("epoch {task.fields[epoch]}/" + str(epochs)),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("loss {task.fields[loss]:.3f}  top1 {task.fields[top1]:.1%}"),
            TextColumn("{task.fields[speed]:.0f} img/s"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=voice.console,
            transient=True,
            disable=not voice.console.is_terminal,
        )
        self.task = self.progress.add_task("", epoch=1, loss=0.0, top1=0.0, speed=0.0)

    def __enter__(self) -> "TrainingBar":
        self.progress.start()
        validation = "  val loss  val top1 |" if self.validated else ""
        self.voice.say(f"epoch   loss   top1 |{validation}  img/s  seconds in all")
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def speed(self) -> float:
        """Pictures per second over the last steps."""
        if len(self.times) < 2:
            return 0.0
        pictures = sum(count for _, count in self.times) - self.times[0][1]
        return pictures / max(self.times[-1][0] - self.times[0][0], 1e-9)

    def show(self, event: Step | EpochEnd) -> None:
        """Move the bar, or print the epoch's line."""
        if isinstance(event, Step):
            self.times.append((time.monotonic(), event.pictures))
            self.progress.update(
                self.task,
                total=self.epochs * event.batches,
                completed=event.epoch * event.batches + event.batch,
                epoch=event.epoch + 1,
                loss=event.loss,
                top1=event.top1,
                speed=self.speed(),
            )
            return
        row = event.row
        line = f"{row['epoch']:5.0f} {row['train_loss']:6.3f} {row['train_top1']:6.1%} |"
        if "val_top1" in row:
            line += f" {row['val_loss']:9.3f} {row['val_top1']:9.1%} |"
        line += f" {self.speed() or float('nan'):6.0f} {row['seconds']:8.1f}"
        self.voice.say(line + ("  best" if event.best else ""))
        self.times.clear()  # validation is no training speed
