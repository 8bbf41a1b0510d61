"""The answers of `predict` for other programs: JSON, JSON lines, comma-separated values."""

import csv
import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from martlet.console.printable import printable

if TYPE_CHECKING:
    from martlet.inference import Prediction


def as_csv(answers: "Sequence[Prediction]") -> str:
    """A row for each picture below the columns' names; what is not there is empty.

    Columns: picture, error, label, probability, and label_2, probability_2 … of the next best; of
    an unknown picture, which has no probability, those of the best guesses. A
    name that would move a terminal's cursor, or is not UTF-8, is spelt as in `printable`; JSON
    keeps every name as it is.
    """
    if answers and hasattr(answers[0], "segments"):
        return _segments_as_csv(answers)
    if answers and hasattr(answers[0], "pixels"):
        return _maps_as_csv(answers)
    if answers and hasattr(answers[0], "boxes"):
        return _boxes_as_csv(answers)
    places = max((len(answer.top) + answer.unknown for answer in answers), default=1) or 1
    header = ["picture", "error"]
    for place in range(1, places + 1):
        header += [name if place == 1 else f"{name}_{place}" for name in ("label", "probability")]
    rows = []
    for answer in answers:
        row = [answer.path, answer.error or ""]
        if answer.unknown:
            row += [answer.label, ""]
        for label, probability in answer.top:
            row += [label, f"{probability:.6g}"]
        rows.append(row + [""] * (len(header) - len(row)))
    return _table(header, rows)


def _segments_as_csv(timelines: "Sequence[Any]") -> str:
    """A row for each segment of each recording's timeline, or for why there is none."""
    header = ["path", "error", "recording", "start", "stop", "unit", "label", "probability"]
    rows: list[list[object]] = []
    for one in timelines:
        rows += [
            [one.path, "", s.recording, s.start, s.stop, one.unit, s.label, f"{s.probability:.6g}"]
            for s in one.segments
        ] or [[one.path, one.error or "", *[""] * 6]]
    return _table(header, rows)


def _boxes_as_csv(pictures: "Sequence[Any]") -> str:
    """A row for each box, for a picture without any, and for why there are none."""
    sides = ("left", "top", "right", "bottom")
    rows: list[list[object]] = []
    for one in pictures:
        rows += [
            [one.path, "", box.label, *(f"{getattr(box, name):.6g}" for name in ("score", *sides))]
            for box in one.boxes
        ] or [[one.path, one.error or "", *[""] * 6]]
    return _table(["path", "error", "label", "score", *sides], rows)


def _maps_as_csv(maps: "Sequence[Any]") -> str:
    """A row for each class of each scene's map, or for why there is none."""
    rows: list[list[object]] = []
    for one in maps:
        rows += [[one.path, "", one.folder, name, count] for name, count in one.pixels] or [
            [one.path, one.error or "", "", "", ""]
        ]
    return _table(["path", "error", "folder", "class", "pixels"], rows)


def _table(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Comma-separated values, without what would move a terminal's cursor."""
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(header)
    for row in rows:
        table.writerow(printable(str(cell)) for cell in row)
    return text.getvalue()
