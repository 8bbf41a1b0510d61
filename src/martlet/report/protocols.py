"""Runs that differ in their split alone, side by side: what is left when nothing leaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from martlet.report.result import percent

# Accuracies and kappa as a scene's figures are called.
_FIGURES = (("overall accuracy", "top1"), ("average accuracy", "balanced_top1"), ("kappa", "kappa"))


@dataclass(frozen=True)
class Comparison:
    """A table of protocols, and what it comes to.

    columns: a protocol each, with its number of runs; "optimistic" where its figures are.
    rows: name of a figure, and its mean (lowest to highest) for each protocol.
    told: sentences.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    told: tuple[str, ...] = ()


def compare(runs: Sequence[Mapping[str, Any]]) -> Comparison | None:
    """The runs' metrics by protocol, in the order in which protocols come; None of a single run."""
    if len(runs) < 2:
        return None
    by_name: dict[str, list[Mapping[str, Any]]] = {}
    for metrics in runs:
        by_name.setdefault(metrics["protocol"]["name"], []).append(metrics)
    columns = [_column(name, group) for name, group in by_name.items()]
    rows = [
        (label, tuple(_cell([run.get(key) for run in group], key) for group in by_name.values()))
        for label, key in _FIGURES
    ]
    recalls = {name: [_recalls(run) for run in group] for name, group in by_name.items()}
    for one in dict.fromkeys(c for group in recalls.values() for run in group for c in run):
        cells = tuple(_cell([run.get(one) for run in group]) for group in recalls.values())
        rows.append((f"recall of {one}", cells))
    return Comparison(tuple(columns), tuple(rows), tuple(_told(by_name)))


def _column(name: str, group: Sequence[Mapping[str, Any]]) -> str:
    word = ", optimistic" if any(run.get("caution") for run in group) else ""
    return f"{name}{word} ({len(group)} run{'s' * (len(group) > 1)})"


def _recalls(run: Mapping[str, Any]) -> dict[str, float]:
    return {row["class"]: row["recall"] for row in run["per_class"] if row["support"]}


def _cell(values: Sequence[float | None], key: str = "") -> str:
    """Mean (lowest to highest)."""
    known = [value for value in values if value is not None]
    if not known:
        return "–"
    shown = (lambda value: f"{value:.3f}") if key == "kappa" else percent
    mean = shown(float(np.mean(known)))
    return mean if len(known) == 1 else f"{mean} ({shown(min(known))} to {shown(max(known))})"


def _told(by_name: Mapping[str, Sequence[Mapping[str, Any]]]) -> list[str]:
    """How much of the random split's accuracy is gone with the leak."""
    if not {"random", "disjoint"} <= set(by_name):
        return []
    chance, apart = (
        float(np.mean([run["top1"] for run in by_name[name]])) for name in ("random", "disjoint")
    )
    inside = [run["protocol"]["test_in_windows"] for run in by_name["random"]]
    tested = [run["protocol"]["test"] for run in by_name["random"]]
    points = 100 * (chance - apart)
    seen = percent(sum(inside) / max(1, sum(tested)))
    first = (
        f"The random split is optimistic: {seen} of its test pixels lie in the window of a "
        f"training pixel. It gives {percent(chance)}, disjoint regions {percent(apart)}"
    )
    if points <= 0:
        return [f"{first}: no leakage shows in these runs."]
    return [
        f"{first}: {points:.1f} points of the random score do not survive. That is leakage, and, "
        "which cannot be told apart, that a few regions are less typical of their class than "
        "pixels by chance."
    ]
