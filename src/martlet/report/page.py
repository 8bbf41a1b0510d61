"""report.html: what a run came to, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from importlib import resources
from pathlib import Path

from martlet.errors import MartletError
from martlet.report import sections
from martlet.report.result import wilson
from martlet.report.style import encodable
from martlet.storage.files import write_text

__all__ = ["ClassRow", "CostTotals", "LatencyRow", "Page", "page_html", "wilson", "write_page"]


@dataclass(frozen=True)
class ClassRow:
    """One class of the scored part; precision, recall and F1 as fractions 0..1."""

    name: str
    precision: float
    recall: float
    f1: float
    support: int


@dataclass(frozen=True)
class LatencyRow:
    """One engine's time for one batch, in milliseconds."""

    engine: str
    threads: int
    batch: int
    median_ms: float
    p10_ms: float
    p90_ms: float


@dataclass(frozen=True)
class CostTotals:
    """What an input of `shape` costs; `bytes_moved` counts float32 weights and activations."""

    params: int
    macs: int
    bytes_moved: int | None = None
    shape: tuple[int, ...] | None = None
    without_macs: str = ""  # the operators that have none, in words


@dataclass(frozen=True)
class Page:
    """Everything that report.html shows, as plain data.

    Attributes:
        name: of the run.
        network: name of the network.
        correct: pictures of the scored part that were classified right.
        total: pictures of the scored part.
        part: which part was scored, "test", "val" or "train".
        chose_checkpoint: the scored part is the one that chose the checkpoint, so that the
            figure flatters.
        balanced_accuracy: mean recall over the classes, 0..1.
        classes: names in label order.
        counts: part -> pictures per class, in the order of `classes`.
        odd: sentences about files that were skipped or are unusual.
        curves, confusion, predictions: the PNG files that `draw_curves`, `draw_confusion` and
            `draw_predictions` wrote.
        per_class: one row a class, in the order of `classes`.
        recipe, machine, versions: name -> value.
        command: the command line that makes this run again.
    """

    name: str
    network: str
    correct: int
    total: int
    part: str = "test"
    chose_checkpoint: bool = False
    balanced_accuracy: float | None = None
    classes: Sequence[str] = ()
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    odd: Sequence[str] = ()
    curves: Path | None = None
    confusion: Path | None = None
    predictions: Path | None = None
    per_class: Sequence[ClassRow] = ()
    cost: CostTotals | None = None
    latency: Sequence[LatencyRow] = ()
    recipe: Mapping[str, object] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None


def write_page(path: str | Path, page: Page) -> None:
    """Write `page` as one self-contained HTML file: no script, no request to anywhere.

    Raises:
        MartletError: `counts` do not fit `classes`, a picture cannot be read, or the file
            cannot be written.
    """
    write_text(path, encodable(page_html(page)))


def page_html(page: Page) -> str:
    """The text of `write_page`'s file."""
    for part, counts in page.counts.items():
        if len(counts) != len(page.classes):
            raise MartletError(
                f"counts[{part!r}] has {len(counts)} entries; {len(page.classes)} classes need "
                "one each."
            )
    content = [
        sections.result(page),
        sections.data(page),
        sections.pictures(page),
        sections.per_class(page),
        sections.cost(page),
        sections.settings(page),
    ]
    style = resources.files("martlet.report").joinpath("page.css").read_text(encoding="utf-8")
    name = escape(page.name)
    # The policy forbids the page what it never does: load anything, run anything.
    policy = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<title>{name} · martlet</title>
<link rel="icon" href="data:,">
<style>
{style}</style>
</head>
<body>
<header><h1>{name}</h1><p>{escape(page.network)}</p></header>
<main>
{chr(10).join(piece for piece in content if piece)}
</main>
<footer><p>Made by martlet. This file is complete in itself.</p></footer>
</body>
</html>
"""
