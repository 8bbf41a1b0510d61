"""Colours, fonts and text rules that all pictures share.

Colours are from Okabe and Ito's palette, which people with any of the common kinds of colour
blindness can tell apart ("Color Universal Design", 2008).
"""

import io
import logging
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
INK = "#1b1f24"
MUTED = "#626a73"
FAINT = "#d9dde1"

# Fonts that draw the scripts DejaVu Sans lacks, where the machine has them.
_FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans",
    "WenQuanYi Micro Hei",
    "Droid Sans Fallback",
    "PingFang SC",
    "Hiragino Sans",
    "Microsoft YaHei",
    "Yu Gothic",
    "Malgun Gothic",
    "Noto Sans Devanagari",
    "Noto Sans Thai",
    "Arial Unicode MS",
)


@cache
def fonts() -> tuple[str, ...]:
    """The font families that text is drawn with, most wanted first; each one is installed."""
    from matplotlib.font_manager import fontManager

    installed = {entry.name for entry in fontManager.ttflist}
    return ("DejaVu Sans", *(name for name in _FALLBACK_FONTS if name in installed))


@cache
def _drawable() -> frozenset[int]:
    """The code points for which one of `fonts` has a glyph."""
    from matplotlib.font_manager import FontProperties, findfont, get_font

    points: set[int] = set()
    for family in fonts():
        points.update(get_font(findfont(FontProperties(family=[family]))).get_charmap())
    return frozenset(points)


def printable(text: str, instead: str | None = None) -> str:
    """`text` on one line, in characters that can be drawn.

    When a character has no glyph in any installed font, the answer is `instead`, or the text
    with a square in that character's place when `instead` is None.
    """
    line = "".join(" " if unicodedata.category(c) == "Cc" else c for c in text)
    drawable = _drawable()
    if all(ord(c) in drawable for c in line):
        return line
    if instead is not None:
        return instead
    return "".join(c if ord(c) in drawable else "□" for c in line)


def shorten(text: str, longest: int) -> str:
    """`text` in at most `longest` characters, with the middle cut out when it is longer."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return text[: longest - 1 - tail] + "…" + text[len(text) - tail :]


@contextmanager
def house_style() -> Iterator[None]:
    """matplotlib's own defaults with the house's fonts, whatever the user's settings are."""
    import matplotlib

    log = logging.getLogger("matplotlib.font_manager")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        with matplotlib.rc_context():
            matplotlib.rcParams.update(
                {k: v for k, v in matplotlib.rcParamsDefault.items() if k != "backend"}
            )
            matplotlib.rcParams.update(
                {
                    "font.family": list(fonts()),
                    "font.size": 10,
                    "text.color": INK,
                    "axes.edgecolor": FAINT,
                    "axes.labelcolor": MUTED,
                    "axes.spines.top": False,
                    "axes.spines.right": False,
                    "xtick.color": MUTED,
                    "ytick.color": MUTED,
                    "text.parse_math": False,
                }
            )
            yield
    finally:
        log.setLevel(level)


def png(figure: "Figure", dots_per_inch: int = 150) -> bytes:
    """The figure as the bytes of a PNG file."""
    buffer = io.BytesIO()
    with house_style():
        figure.savefig(buffer, format="png", dpi=dots_per_inch, metadata={"Software": None})
    return buffer.getvalue()
