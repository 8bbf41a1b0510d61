"""Findings in sentences: what the figures show, and what they do not."""

from collections.abc import Sequence

from martlet.workflows.reproduce.experiment import Experiment, Size
from martlet.workflows.reproduce.findings import (
    AGAINST,
    HOLDS,
    MISSING,
    ONE_SEED,
    OPEN,
    Cell,
    Finding,
    Interval,
    Order,
)

MINUS = "−"


def number(value: float) -> str:
    """With one digit behind the point, and a real minus sign."""
    return f"{value:.1f}".replace("-", MINUS)


def spread(found: Interval, sign: str = "") -> str:
    """ "32.1 (30.5 to 33.7)": a mean and its interval."""
    if found.low is None or found.high is None:
        return f"{number(found.mean)}{sign}"
    return f"{number(found.mean)}{sign} ({number(found.low)} to {number(found.high)})"


def sentence(finding: Finding) -> str:
    """What became of a claim."""
    printed = "" if finding.paper is None else f"; the paper has {number(finding.paper)}"
    points = finding.points
    if points is None:
        return f"{finding.claim.says}: not run at this size{printed}."
    seeds = f"{points.seeds} seed{'s' if points.seeds > 1 else ''}"
    said = {
        HOLDS: f"holds by {spread(points)} points",
        AGAINST: f"does not hold here, by {spread(points)} points",
        OPEN: f"no difference at this size, {spread(points)} points",
        ONE_SEED: f"{spread(points)} points in one run, which says nothing about chance",
    }[finding.verdict]
    return f"{finding.claim.says}: {said}; {seeds}{printed}."


def summary(experiment: Experiment, size: Size, cells: Sequence[Cell], found: Sequence[Finding],
            order: Order | None) -> str:  # fmt: skip
    """All of it in a few sentences, holes first."""
    parts = []
    cells = [cell for cell in cells if cell.row.model is not None]
    holes = [cell for cell in cells if cell.value is None]
    short = [cell for cell in cells if cell.value and cell.value.seeds < size.seeds]
    if holes or short:
        names = ", ".join(cell.row.name for cell in (*holes, *short)[:4])
        more = " and others" if len(holes) + len(short) > 4 else ""
        parts.append(
            f"{len(holes)} of {len(cells)} rows have no run yet, {len(short)} not all of "
            f"{size.seeds} seeds ({names}{more})."
        )
    counts = dict.fromkeys((HOLDS, AGAINST, OPEN, ONE_SEED, MISSING), 0)
    for finding in found:
        counts[finding.verdict] += 1
    if found:
        told = [
            f"{counts[verdict]} {words}"
            for verdict, words in (
                (HOLDS, "confirmed beyond the interval"),
                (AGAINST, "contradicted"),
                (OPEN, "without a difference at this size"),
                (ONE_SEED, "of one seed alone"),
                (MISSING, "not run"),
            )
            if counts[verdict]
        ]
        parts.append(f"Claims: {', '.join(told)}.")
    if order is not None:
        pairs = order.same + order.against + order.open
        parts.append(
            f"Of {pairs} pairs of rows that the paper puts in an order, {order.same} are in the "
            f"same one beyond the interval, {order.against} in the other, {order.open} open."
        )
    return " ".join(parts)


def caveat(size: Size, shown: Interval | None) -> str:
    """What the figures of a size cannot show."""
    if size.name == "paper":
        return "Trained by the paper's recipe on the data that are given."
    told = {
        "tiny": "A run of minutes that shows that the tables fill; its figures say nothing of the "
        "networks.",
        "small": "Small pictures, few epochs and narrow networks: an order that shows here need "
        "not be that of ImageNet, and a difference that does not show may be there.",
    }[size.name]
    if shown is not None and shown.low is not None:
        told += (
            " Intervals are of the mean over seeds (Student's t, 95 %), on the same test samples."
        )
    return told
