"""Findings in sentences: what the figures show, and what they do not."""

from collections.abc import Sequence

from martlet.workflows.reproduce.experiment import PAPER, Experiment, Size
from martlet.workflows.reproduce.findings import (
    AGAINST,
    HOLDS,
    MISSING,
    ONE_SEED,
    OPEN,
    SURE,
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
            f"same one beyond the interval, {order.against} in the other, {order.open} open"
            f"{'' if order.correlation is None else _correlation(order.correlation)}. By chance "
            f"alone about {round(pairs * (1 - SURE))} of them would be beyond it."
        )
    return " ".join(parts)


def _correlation(value: float) -> str:
    return f" (rank correlation of the means {value:.2f})".replace("-", MINUS)


def caveat(size: Size, shown: Interval | None, fixed: bool) -> str:
    """What the figures of a size cannot show; fixed: whether all runs have the same samples."""
    if size.name == PAPER:
        recipe = f"the recipe {size.recipe}" if size.recipe else "the options below"
        return f"Trained by {recipe} on the data that are given, one run a row."
    if size.name == "tiny":
        told = (
            "Runs of seconds that show that the tables fill; their figures say nothing of the "
            "networks."
        )
    elif fixed:
        told = (
            "Small pictures, few epochs and narrow networks: an order that shows here need not be "
            "that of ImageNet, and a difference that does not show may be there."
        )
    else:
        told = "A small set: what shows here need not show on others, nor the other way round."
    if shown is None or shown.low is None:
        return told
    samples = "on the same test samples" if fixed else "each of which deals the parts anew"
    return f"{told} Intervals are of the mean over seeds (Student's t, 95 %), {samples}."
