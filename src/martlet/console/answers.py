"""The answers of `predict` for other programs: JSON, JSON lines, comma-separated values."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING

from martlet.console.printable import printable

if TYPE_CHECKING:
    from martlet.inference import Prediction


def as_csv(answers: "Sequence[Prediction]") -> str:
    """A row for each picture below the columns' names; what is not there is empty.

    Columns: picture, error, label, probability, and label_2, probability_2 … of the next best. A
    name that would move a terminal's cursor, or is not UTF-8, is spelt as in `printable`; JSON
    keeps every name as it is.
    """
    places = max((len(answer.top) for answer in answers), default=1) or 1
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    header = ["picture", "error"]
    for place in range(1, places + 1):
        header += [name if place == 1 else f"{name}_{place}" for name in ("label", "probability")]
    table.writerow(header)
    for answer in answers:
        row = [answer.path, answer.error or ""]
        for label, probability in answer.top:
            row += [label, f"{probability:.6g}"]
        table.writerow(printable(cell) for cell in row + [""] * (len(header) - len(row)))
    return text.getvalue()
