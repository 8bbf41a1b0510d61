"""What `reproduce` prints: the experiments that there are, or one's table."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from martlet.console.grid import columns, fill, out, show_table

if TYPE_CHECKING:
    from martlet.workflows.reproduce.outcome import Outcome
    from martlet.workflows.reproduce.reproduce import Listed


def reproduced(result: "Outcome | Sequence[Listed]") -> None:
    """The table of an experiment, or of all experiments."""
    if isinstance(result, Sequence):
        _listed(result)
        return
    table = columns(*result.table[0])
    for line in result.table[1:]:
        fill(table, *line)
    show_table(out(), table)


def _listed(experiments: "Sequence[Listed]") -> None:
    console = out()
    table = columns(
        "experiment", "of", *[f"{size}, min" for size in experiments[0].minutes], left=2
    )
    for one in experiments:
        minutes = ("–" if value is None else f"{value:g}" for value in one.minutes.values())
        fill(table, one.name, one.source, *minutes)
    show_table(console, table)
    for one in experiments:
        console.print(f"{one.name}: {one.asks}", markup=False)
    console.print(
        "Minutes are of one core; – is not measured. `martlet reproduce NAME --data FOLDER` does "
        "one, `--size tiny` in minutes.",
        markup=False,
    )
