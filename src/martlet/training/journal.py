"""metrics.csv and TensorBoard events: the same rows, for spreadsheets and for TensorBoard."""

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from torch.utils.tensorboard import SummaryWriter

from martlet.storage.files import write_text
from martlet.training.run_files import METRICS


class Journal:
    """Notes one row an epoch; opened again after an interruption, it repeats nothing.

    events: whether TensorBoard's are written beside metrics.csv.
    """

    def __init__(
        self, folder: Path, history: Sequence[Mapping[str, float]], *, events: bool = True
    ) -> None:
        self.path = folder / METRICS
        # A kill may have come between the checkpoint and the note: the events are told anew.
        purged = int(history[0]["epoch"]) if history else None
        self.events = SummaryWriter(str(folder), purge_step=purged) if events else None
        if history:
            write_text(self.path, table(history))
        for row in history:
            self._tell(row)

    def note(self, history: Sequence[Mapping[str, float]]) -> None:
        """Write the table anew and append the last row's scalars to the events."""
        write_text(self.path, table(history))
        self._tell(history[-1])
        if self.events is not None:
            self.events.flush()

    def _tell(self, row: Mapping[str, float]) -> None:
        """Append one row's scalars to the events."""
        if self.events is None:
            return
        for name, value in row.items():
            if name != "epoch":
                self.events.add_scalar(name.replace("_", "/", 1), value, int(row["epoch"]))

    def close(self) -> None:
        """Flush and close the events file."""
        if self.events is not None:
            self.events.close()


def table(history: Sequence[Mapping[str, float]]) -> str:
    """One line per epoch, the names of the columns first."""
    text = io.StringIO()
    rows = csv.DictWriter(text, fieldnames=list(history[0]), lineterminator="\n")
    rows.writeheader()
    rows.writerows(history)
    return text.getvalue()


def catch_up(folder: Path, history: Sequence[Mapping[str, float]], *, events: bool = True) -> None:
    """Note what a kill kept from being noted; a folder in which all is noted stays as it is."""
    path = folder / METRICS
    if not path.exists() or path.read_text(encoding="utf-8") != table(history):
        Journal(folder, history, events=events).close()
