"""A colour for each class of a map, for people with any of the common kinds of colour blindness too
as long as there are few classes."""

import colorsys
from collections.abc import Mapping

from martlet.errors import MartletError

# Okabe and Ito's seven first; what follows is far from all before it in OKLab.
_COLOURS = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#56B4E9", "#CC79A7", "#F0E442", "#7A2FBF",
    "#7A0C35", "#6BE03C", "#1A1FB5", "#F032C8", "#5C4A12", "#30E8D0", "#9A8FF0", "#F01060",
    "#90B010", "#A89078", "#605070", "#F0B0A0", "#107010", "#D0B0F0", "#106070", "#C0D090",
)  # fmt: skip
_GOLDEN = 0.6180339887  # of a turn: hues that never come close again


def class_colours(count: int, given: Mapping[int, tuple[int, int, int]] | None = None) -> list[str]:
    """A colour ("#0072B2") for each of `count` classes.

    given: class -> red, green, blue of 0..255, of classes whose colour the data says.

    Raises MartletError for a class that is not one of them.
    """
    named = {number: "#{:02X}{:02X}{:02X}".format(*rgb) for number, rgb in (given or {}).items()}
    odd = [number for number in named if not 0 <= number < count]
    if odd:
        raise MartletError(f"given has a colour of class {odd[0]}; there are {count} classes.")
    free = [colour for colour in _COLOURS if colour not in named.values()]
    more = 0
    while len(free) < count - len(named):
        hue, value = (more * _GOLDEN) % 1, (0.85, 0.6)[more % 2]
        rgb = (round(255 * part) for part in colorsys.hsv_to_rgb(hue, 0.65, value))
        free.append("#{:02X}{:02X}{:02X}".format(*rgb))
        more += 1
    others = iter(free)
    return [named.get(number) or next(others) for number in range(count)]
