"""The timelines of recordings on a terminal: a row for each stretch of one label."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from martlet.console.grid import columns, fill, out, show_table

if TYPE_CHECKING:
    from martlet.workflows.predict_series import Timeline

MOST_ROWS = 40  # the file has them all


def timelines(found: "Sequence[Timeline]", console: Console | None = None) -> None:
    """Where each timeline lies, and its segments."""
    console = console or out()
    for one in found:
        if one.folder is None:
            console.print(f"{one.path}: {one.error}", markup=False)
            continue
        console.print(
            f"{one.path}: {len(one.segments)} segments in {one.folder}; each moment has the mean "
            "of the windows over it, and stretches shorter than smooth are their neighbours'",
            markup=False,
        )
        table = columns("recording", f"start, {one.unit}", f"stop, {one.unit}", "label", "mean")
        for segment in one.segments[:MOST_ROWS]:
            times = f"{segment.start:g}", f"{segment.stop:g}"
            fill(table, segment.recording, *times, segment.label, f"{segment.probability:.1%}")
        show_table(console, table)
        if len(one.segments) > MOST_ROWS:
            console.print(f"… {len(one.segments) - MOST_ROWS} more in the file", markup=False)
