"""What reading annotations gives: the pictures, and the boxes of each."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from martlet.data.pictures.decode import BadPicture
from martlet.errors import quoted


class Boxes(NamedTuple):
    """The boxes of one picture, in the order of the file.

    corners: float32 (n, 4), each box as left, top, right, bottom in pixels of the upright picture,
    counted from 0, right and bottom exclusive: a box of the whole picture is 0, 0, width, height.
    labels: int64 (n,), indices into the listing's classes.
    crowd: bool (n,), True for a region of many objects, which is neither learnt nor scored.
    """

    corners: NDArray[np.float32]
    labels: NDArray[np.int64]
    crowd: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class BoxListing:
    """Pictures with boxes; pictures, boxes, sizes and parts are aligned.

    pictures: paths below `root` with "/", sorted.
    sizes: (width, height) of each picture when it is upright.
    parts: 'train', 'val' or 'test' of every picture; all None where no parts are given.
    format: the format of the annotations, by its name in the field.
    notes: sentences on how they were understood, and on everything that was odd in them.
    bad: the pictures that cannot be read, which are left out, with the reason.
    """

    root: Path
    pictures: tuple[str, ...]
    classes: tuple[str, ...]
    boxes: tuple[Boxes, ...] = field(repr=False)
    sizes: tuple[tuple[int, int], ...] = field(repr=False)
    parts: tuple[str | None, ...] = field(repr=False)
    format: str
    notes: tuple[str, ...]
    bad: tuple[BadPicture, ...] = ()


def counted(what: str, names: Sequence[str], then: str = "", *, at: str = "") -> list[str]:
    """A note on what was found so often, with the name of the first; none where there is none."""
    if not names:
        return []
    return [f"{what}: {len(names)}, such as {at}{quoted(names[0], 120)}{then}."]
