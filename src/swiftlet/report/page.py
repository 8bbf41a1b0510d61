"""report.html: what a run came to, on one page."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path

from swiftlet.errors import SwiftletError
from swiftlet.report.files import write_whole


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
    """What one picture costs. `bytes_moved` counts float32 weights and activations."""

    params: int
    macs: int
    bytes_moved: int | None = None
    shape: tuple[int, ...] | None = None


@dataclass(frozen=True)
class Page:
    """Everything that report.html shows, as plain data.

    Attributes:
        name: of the run.
        network: name of the network.
        correct: pictures of the scored part that were classified right.
        total: pictures of the scored part.
        part: which part was scored, "test" or "val".
        chose_checkpoint: the scored part is the one that chose the checkpoint, so that the
            figure flatters.
        balanced_accuracy: mean recall over the classes, 0..1.
        classes: names in label order.
        counts: part -> pictures per class, in the order of `classes`.
        odd: sentences about files that were skipped or are unusual.
        curves, confusion, predictions: PNG files.
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


def wilson(correct: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a proportion (Wilson, 1927), as fractions (low, high).

    (0, 1) when `total` is 0: nothing is known.
    """
    if not 0 <= correct <= total:
        raise SwiftletError(f"correct={correct} of total={total}; use 0 <= correct <= total.")
    if total == 0:
        return 0.0, 1.0
    z = 1.959963984540054  # the normal distribution's 97.5 % point
    share = correct / total
    middle = share + z * z / (2 * total)
    spread = z * math.sqrt(share * (1 - share) / total + z * z / (4 * total * total))
    scale = 1 + z * z / total
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)


def write_page(path: str | Path, page: Page) -> None:
    """Write `page` as one self-contained HTML file.

    Raises:
        SwiftletError: a picture cannot be read, or the file cannot be written.
    """
    write_whole(path, page_html(page).encode())


def page_html(page: Page) -> str:
    """The text of `write_page`'s file."""
    low, high = wilson(page.correct, page.total)
    share = page.correct / max(page.total, 1)
    parts = [
        f"<h1>{escape(page.name)}</h1>",
        f"<p>{escape(page.network)}: {share:.1%} ({low:.1%} to {high:.1%}) of "
        f"{page.total} pictures.</p>",
    ]
    for title, picture in (
        ("Curves", page.curves),
        ("Confusion", page.confusion),
        ("Predictions", page.predictions),
    ):
        if picture is not None:
            data = base64.b64encode(Path(picture).read_bytes()).decode()
            parts.append(f'<h2>{title}</h2><img alt="{title}" src="data:image/png;base64,{data}">')
    if page.command:
        parts.append(f"<pre>{escape(page.command)}</pre>")
    return "<!doctype html><html lang=en><meta charset=utf-8>" + "\n".join(parts) + "</html>"
