"""Pictures as a verb needs them: scanned, decoded into the cache, and said what was understood."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table
from rich.text import Text

from martlet.console.progress import Voice
from martlet.data.cache import PixelCache
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.read import Listing, scan
from martlet.data.split import PARTS, Split


@dataclass(frozen=True)
class Pictures:
    """A scanned folder with its readable pictures in the cache."""

    listing: Listing
    cache: PixelCache

    @property
    def labels(self) -> list[int]:
        """Class number of every readable picture."""
        return self.cache.labels

    @property
    def parts(self) -> list[str | None]:
        """The part whose folder holds the picture, or None."""
        return self.cache.parts


def read_pictures(
    folder: Path,
    preprocess: Preprocess,
    voice: Voice,
    *,
    max_bad: float = 0.01,
    min_classes: int = 2,
) -> Pictures:
    """Scan `folder` and open its pixel cache, building it on the first visit."""
    listing = scan(folder, min_classes=min_classes)
    with voice.counting(f"reading {len(listing.pictures)} pictures") as progress:
        cache = PixelCache.build(listing, preprocess, max_bad=max_bad, progress=progress)
    return Pictures(listing, cache)


def describe(pictures: Pictures, split: Split, voice: Voice) -> dict[str, list[int]]:
    """Print classes, counts per part and odd files; return the counts per part and class."""
    classes, labels = pictures.listing.classes, np.asarray(pictures.labels)
    counts = {
        part: np.bincount(labels[list(getattr(split, part))], minlength=len(classes)).tolist()
        for part in PARTS
    }
    source = "as the folders say" if any(pictures.parts) else "split by martlet, see split.json"
    title = Text(f"{pictures.listing.root}: {len(classes)} classes, parts {source}")
    table = Table(title=title, title_justify="left", box=None, pad_edge=False)
    table.add_column("class")
    for part in PARTS:
        table.add_column(part, justify="right")
    shown = range(len(classes)) if len(classes) <= 20 else range(18)
    for number in shown:
        table.add_row(Text(classes[number]), *(str(counts[part][number]) for part in PARTS))
    if len(classes) > 20:
        table.add_row(f"… {len(classes) - 18} more")
    table.add_row("all", *(str(sum(counts[part])) for part in PARTS), style="bold")
    voice.table(table)
    for sentence in (*split.notes, *pictures.cache.odd):
        voice.say(sentence)
    return counts
