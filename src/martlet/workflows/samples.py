"""Samples as a verb needs them: read, cached, and said what was understood."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from martlet.console.grid import fill
from martlet.console.printable import printable
from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.boxes.samples import BoxSamples
from martlet.data.kind import AnyPreprocess, Check, Samples
from martlet.data.split import PARTS, Split


def read_samples(
    data: Path,
    preprocess: AnyPreprocess,
    voice: Voice,
    *,
    options: Any = None,
    max_bad: float = 0.01,
    min_classes: int = 2,
    check: Check | None = None,
) -> Samples:
    """The samples of `data`, read by the kind that `preprocess` is for."""
    kind = kinds.find(preprocess.kind)
    with voice.counting(f"reading {kind.noun}") as progress:
        return kind.read(
            data,
            preprocess,
            options=options,
            max_bad=max_bad,
            min_classes=min_classes,
            check=check,
            progress=progress,
        )


def noun_of(preprocess: AnyPreprocess) -> str:
    """What samples of its kind are called, in the plural."""
    return kinds.find(preprocess.kind).noun


def counted(samples: Samples, indices: Sequence[int]) -> list[int]:
    """Samples of each class; of pictures with boxes the boxes."""
    if isinstance(samples, BoxSamples):
        return samples.counts(indices)
    labels = np.asarray(samples.labels)[list(indices)]
    return np.bincount(labels, minlength=len(samples.classes)).tolist()


def describe(samples: Samples, split: Split, voice: Voice) -> dict[str, list[int]]:
    """Print classes, counts per part and odd files; return the counts per part and class."""
    classes = samples.classes
    counts = {part: counted(samples, getattr(split, part)) for part in PARTS}
    source = "as given" if any(samples.parts) else "split by martlet, see split.json"
    if split.protocol:
        word = ", optimistic" if split.caution else ""
        source = f"{split.protocol['name']}{word}, see split.json"
    title = Text(f"{printable(str(samples.root))}: {len(classes)} classes, parts {source}")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    for part in PARTS:
        table.add_column(part, justify="right")
    shown = range(len(classes)) if len(classes) <= 20 else range(18)
    for number in shown:
        fill(table, classes[number], *(str(counts[part][number]) for part in PARTS))
    if len(classes) > 20:
        table.add_row(f"… {len(classes) - 18} more")
    table.add_row("all", *(str(sum(counts[part])) for part in PARTS), style="bold")
    voice.table(table)
    for sentence in (*split.notes, *samples.odd):
        voice.say(sentence)
    return counts
