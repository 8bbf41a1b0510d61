"""What the part of NAME_boxes.h for one kind of answers says to the rest of it."""

from collections.abc import Sequence
from typing import NamedTuple


class Form(NamedTuple):
    """How many places answer, with how many numbers each, and the C that makes boxes of them.

    text: functions NAME_score, NAME_candidates and NAME_place.
    """

    about: str
    defines: str
    places: int
    numbers: int
    text: str


def maps_of(strides: Sequence[int], size: tuple[int, int]) -> list[tuple[int, int]]:
    """(rows, columns) of the maps of a picture of (height, width); strides round up."""
    return [(-(-size[0] // stride), -(-size[1] // stride)) for stride in strides]
