"""Whether the probabilities can be believed: a diagram, and sentences."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.result import PART_NAMES, percent
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_COLOURS = ((style.BLUE, style.BLUE), (style.ORANGE, style.DARK_ORANGE))  # of line, and of text
_WIDE, _HIGH = 5.4, 5.6  # inches
_NAMES = {
    "ece": "expected calibration error",
    "ece_adaptive": "the same, in bins of equal size",
    "loss": "cross entropy",
    "brier": "Brier's score, 0 to 2",
}
FEW = 10  # answers of a bin: of fewer the share that is right is chance, and no line goes there
FEWEST_SCORED = 50  # samples; of fewer a calibration error, and a diagram, show chance


@dataclass(frozen=True)
class Bin:
    """Answers of about one probability: its mean, the share that is right (0..1), how many."""

    confidence: float
    accuracy: float
    count: int
    middle: float  # of the bin, 0..1


def draw_reliability(curves: Mapping[str, Sequence[Bin]], path: str | Path) -> str:
    """Draw what was promised against what was kept into the PNG file `path`.

    curves: one or two, by name, each its bins in order; the first is what the network answers.

    Returns what the picture shows, in a sentence, for its caption; it also stands in the file.
    Raises MartletError when there is no bin, or the file cannot be written.
    """
    told = describe_reliability(curves)
    write_bytes(path, style.png(reliability_figure(curves), told))
    return told


def describe_reliability(curves: Mapping[str, Sequence[Bin]]) -> str:
    """The diagram in words."""
    lines = " and ".join(f"“{name}”" for name in curves)
    return (
        f"Reliability of the answers, {lines}: of those with about one probability, the share that "
        "is right. On the dashed line the two are equal; below it the network is too sure. Large "
        "points and high bars stand for many answers."
    )


def reliability_figure(curves: Mapping[str, Sequence[Bin]]) -> "Figure":
    """The figure of `draw_reliability`: the diagram, and below it how many answers each bin has."""
    from matplotlib.figure import Figure

    if not 1 <= len(curves) <= len(_COLOURS) or not all(curves.values()):
        raise MartletError("curves of one or two names are needed, each with a bin or more.")
    with style.house_style():
        figure = Figure(figsize=(_WIDE, _HIGH), dpi=style.DOTS_PER_INCH)
        diagram, bars = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        figure.subplots_adjust(left=0.11, right=0.96, top=0.93, bottom=0.1, hspace=0.18)
        _draw_diagram(diagram, curves)
        _draw_bars(bars, curves)
    return figure


def _draw_diagram(panel: "Axes", curves: Mapping[str, Sequence[Bin]]) -> None:
    panel.set_title("Right answers, %", loc="left", fontsize=11, pad=9)
    panel.grid(color=style.FAINT, linewidth=0.8)
    panel.tick_params(length=0)
    panel.set_xlim(0, 100)
    panel.set_ylim(0, 100)
    panel.plot((0, 100), (0, 100), color=style.MUTED, linewidth=1, linestyle=(0, (4, 3)))
    # The answers' own curve is on top, and is named first.
    for place, (name, bins) in reversed(list(enumerate(curves.items()))):
        line, text = _COLOURS[place]
        across = [100 * one.confidence for one in bins]
        up = [100 * one.accuracy for one in bins]
        many = [one.count >= FEW for one in bins]
        above = 3 + len(curves) - place
        panel.plot(
            list(compress(across, many)), list(compress(up, many)), color=line, linewidth=1.2,
            gid=name, clip_on=False, zorder=above,
        )  # fmt: skip
        most = max(one.count for one in bins)
        panel.scatter(  # the more answers, the larger: a bin of few says little
            across, up, s=[8 + 60 * one.count / most for one in bins], edgecolor=line,
            facecolor=[line if one else style.WHITE for one in many], clip_on=False, zorder=above,
        )  # fmt: skip
        panel.text(
            0.03, 0.95 - 0.065 * place, name, transform=panel.transAxes, color=text, va="top",
            fontsize=10, gid=f"{name} label",
            bbox={"facecolor": style.WHITE, "edgecolor": "none", "pad": 1.5},
        )  # fmt: skip


def _draw_bars(panel: "Axes", curves: Mapping[str, Sequence[Bin]]) -> None:
    """Counts as outlines: one curve's bars do not hide the other's."""
    panel.grid(axis="y", color=style.FAINT, linewidth=0.8)
    panel.tick_params(length=0)
    panel.set_xlabel("probability of the answer, %")
    panel.set_title("Answers", loc="left", fontsize=10, pad=5)
    width = 2.6
    for place, bins in enumerate(curves.values()):
        shift = (place - (len(curves) - 1) / 2) * width
        panel.bar(
            [100 * one.middle + shift for one in bins], [one.count for one in bins],
            width=width, color=_COLOURS[place][0],
        )  # fmt: skip


def told_of_probabilities(metrics: Mapping[str, Any]) -> list[str]:
    """What a run's metrics say of its probabilities, in sentences; none of an earlier version's."""
    if "ece" not in metrics:
        return []
    total, noun = _total(metrics), metrics.get("noun", "pictures")
    part = metrics.get("part", "")
    fitted = "uncalibrated" in metrics
    why = metrics.get("not_calibrated", "no temperature was fitted")
    first = f"Probabilities are not calibrated: {why}."
    if fitted:
        number = metrics.get("calibrated_on")
        on = "" if number is None else f", fitted on {number:,} validation {noun}"
        first = (
            "Probabilities are calibrated: logits are divided by a temperature of "
            f"{metrics['temperature']:.3g}{on}."
        )
    if total < FEWEST_SCORED:
        return [first]
    second = (
        f"Of the {PART_NAMES.get(part, 'scored')} {noun} the expected calibration error is "
        f"{percent(metrics['ece'])}"
    )
    if fitted:
        second += f", and without it {percent(metrics['uncalibrated']['ece'])}"
    flatters = "; it was fitted on these, so that the figure flatters" * (fitted and part == "val")
    return [f"{first} {second}{flatters}."]


def figures_of_probabilities(metrics: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Rows of a table: what is measured, with the temperature and without it ("" where none is).

    None for few samples, and for an earlier version's metrics.
    """
    if "ece" not in metrics or _total(metrics) < FEWEST_SCORED:
        return []
    before = metrics.get("uncalibrated", {})
    forms = {"ece": percent, "ece_adaptive": percent, "loss": "{:.3f}".format}
    forms["brier"] = forms["loss"]
    return [
        (_NAMES[name], form(metrics[name]), form(before[name]) if before else "")
        for name, form in forms.items()
    ]


def told_of_unknown(metrics: Mapping[str, Any]) -> list[str]:
    """What `predict --unknown` would say of the scored samples; nothing without a threshold."""
    if "unknown" not in metrics:
        return []
    unknown, noun = metrics["unknown"], metrics.get("noun", "pictures")
    part = PART_NAMES.get(metrics["part"], "scored")
    score = unknown["score"].replace("_", " ")
    told = (
        f"With --unknown, predict answers “unknown” where the {score} is below "
        f"{unknown['below']:.3g}, as at most {percent(unknown['share'])} of the "
        f"{unknown['samples']:,} validation {noun} are"
    )
    if metrics["part"] == "val":
        return [told + "."]
    return [f"{told}; of the {part} {noun}, all of known classes, {percent(unknown['found'])} are."]


def _total(metrics: Mapping[str, Any]) -> int:
    """How many samples were scored."""
    noun = metrics.get("noun", "pictures")
    total: int = metrics[noun if noun in metrics else "pictures"]
    return total
