"""What `train` says of pictures that are nearly the same in two parts: a warning, and a sheet."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from martlet.data.cache import PixelCache
from martlet.data.kind import Samples
from martlet.data.pictures.near_duplicates import Alike, across_parts
from martlet.data.split import PARTS, Split
from martlet.report.pairs import MOST, Tile, draw_pairs
from martlet.workflows.run_folder import PAIRS


def find(samples: Samples, split: Split) -> list[Alike]:
    """Pictures that are nearly the same as one of a part nearer to training; none of other data."""
    if not isinstance(samples, PixelCache):
        return []
    return across_parts(samples, samples.hashes, [getattr(split, p) for p in PARTS], PARTS)


def warned(samples: Samples, split: Split, found: Sequence[Alike]) -> Split:
    """The split, with a note where pictures of its parts are nearly the same, as `found`."""
    if not found:
        return split
    count = Counter(one.part for one in found)
    total = " and ".join(f"{count[part]} of {part}" for part in ("test", "val") if count[part])
    first = found[0]
    way = "--group-by near-duplicates keeps such pictures in one part"
    if any(samples.parts):
        way = "--group-by near-duplicates --allow-overlap leaves them out of the part before"
    note = (
        f"Nearly the same as a picture of a part before theirs: {total}, such as "
        f"{samples.names[first.held]!r} ({first.part}) and {samples.names[first.other]!r} "
        f"({first.other_part}). Where they are copies, or of one burst ({PAIRS} shows them), "
        f"figures flatter a network that has seen them; {way}."
    )
    return replace(split, notes=(*split.notes, note))


def draw(samples: Samples, found: Sequence[Alike], folder: Path) -> None:
    """near_duplicates.png, where any were found; else none is left there."""
    if not found:
        (folder / PAIRS).unlink(missing_ok=True)
        return

    def tile(number: int, part: str) -> Tile:
        name, label = samples.names[number], samples.classes[samples.labels[number]]
        return Tile(samples[number], part, label, Path(name).name)

    shown = [(tile(a.held, a.part), tile(a.other, a.other_part)) for a in found[:MOST]]
    draw_pairs(shown, len(found), folder / PAIRS)
