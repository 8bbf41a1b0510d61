"""Colours, fonts and text rules that all pictures share.

Blue, orange, green and red are Okabe and Ito's ("Color Universal Design", 2008): people with any
of the common kinds of colour blindness can tell them apart.
"""

import io
import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

import numpy as np

from martlet.report.harmful import HARMFUL

if TYPE_CHECKING:
    from matplotlib.backends.backend_agg import RendererAgg
    from matplotlib.figure import Figure
    from PIL.Image import Image

BLUE = "#0072B2"
ORANGE = "#E69F00"
GREEN = "#009E73"
RED = "#D55E00"
# The same hues as text: at least 4.5 : 1 on white.
DARK_ORANGE = "#8F6000"
DARK_GREEN = "#007A59"
DARK_RED = "#B54F00"
INK = "#1b1f24"
MUTED = "#5c646d"
WHITE = "#ffffff"
FAINT = "#dde1e5"
EMPTY = "#f1f3f5"

DOTS_PER_INCH = 180
_EXACT_BYTES = 250_000
_MOST_KEPT = 128  # colours of a palette of 256

# Fonts that draw scripts DejaVu Sans lacks, used where the machine has them.
_FALLBACK_FONTS = (
    "Noto Sans CJK SC",
    "Noto Sans CJK JP",
    "Source Han Sans SC",
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
    """The families that text is drawn with, most wanted first; each one is installed."""
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


_UNSHOWN = re.compile(f"[{HARMFUL}]")


def printable(text: str, instead: str | None = None) -> str:
    """`text` on one line, in characters that can be drawn.

    When a character has no glyph in any installed font the answer is `instead`, or, when that is
    None, the text with a square in the character's place.
    """
    line = unicodedata.normalize("NFC", text)
    line = " ".join("".join(" " if unicodedata.category(c) == "Cc" else c for c in line).split())
    drawable = _drawable()
    if all(ord(c) in drawable for c in line):
        return line
    if instead is not None:
        return instead
    return "".join(c if ord(c) in drawable else "□" for c in line)


def encodable(text: str) -> str:
    """`text` with a mark for what a page cannot hold or would act on: odd bytes in a file's name,
    escapes, line separators, and signs that turn the direction of writing."""
    return _UNSHOWN.sub("\ufffd", text)


def shorten(text: str, longest: int) -> str:
    """`text` in at most `longest` characters; the middle is cut out where it is longer."""
    if len(text) <= longest:
        return text
    tail = (longest - 1) // 2
    return text[: longest - 1 - tail] + "…" + text[len(text) - tail :]


def fitted(text: str, size: float, inches: float) -> str:
    """`text` cut in the middle until it is at most `inches` wide in `size` points."""
    if width([text], size) <= inches:
        return text
    least, most = 1, len(text) - 1
    while least < most:
        middle = (least + most + 1) // 2
        if width([shorten(text, middle)], size) <= inches:
            least = middle
        else:
            most = middle - 1
    return shorten(text, least)


def width(texts: Iterable[str], size: float) -> float:
    """Inches that the widest of `texts` takes when drawn in `size` points."""
    from matplotlib.font_manager import FontProperties

    properties = FontProperties(family=list(fonts()), size=size)
    measure: Callable[..., tuple[float, float, float]] = _renderer().get_text_width_height_descent
    return max((measure(text, properties, False)[0] / 1e3 for text in texts), default=0.0)


@cache
def _renderer() -> "RendererAgg":
    from matplotlib.backends.backend_agg import RendererAgg

    # A thousand dots per inch, so that widths come out free of rounding to the pixel grid.
    return RendererAgg(8, 8, 1000)  # type: ignore[no-untyped-call]


@contextmanager
def house_style() -> Iterator[None]:
    """matplotlib's own defaults with the house's fonts and lines, whatever the user has set."""
    import matplotlib

    with matplotlib.rc_context():
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(
            {
                "font.family": list(fonts()),
                "font.size": 10,
                "text.color": INK,
                "text.parse_math": False,  # a class called "$5_bill$" is no formula
                "axes.edgecolor": FAINT,
                "axes.labelcolor": MUTED,
                "axes.spines.top": False,
                "axes.spines.right": False,
                "axes.axisbelow": True,
                "xtick.color": FAINT,
                "ytick.color": FAINT,
                "xtick.labelcolor": MUTED,
                "ytick.labelcolor": MUTED,
                "lines.solid_capstyle": "round",
            }
        )
        yield


def png(figure: "Figure", told: str, keep: Sequence[str] = ()) -> bytes:
    """The figure as a PNG file's bytes, at the figure's own dots per inch.

    `told`, the picture in words, goes into the file as its "Description" (a keyword of the PNG
    specification), from where the page of the run takes its caption.

    More than `_EXACT_BYTES` (photographs) are held with a palette of 256 dithered colours, the
    house's own, and those to `keep` ("#0072B2"), among them unchanged: a third of the bytes for
    little that the eye misses.
    """
    from PIL import Image

    raw = io.BytesIO()
    with house_style():
        figure.savefig(raw, format="png", dpi=figure.dpi, pil_kwargs={"compress_level": 0})
    image = Image.open(raw).convert("RGB")
    exact = _saved(image, told, figure.dpi)
    if len(exact) <= _EXACT_BYTES or len(keep) > _MOST_KEPT:
        return exact
    return _saved(_with_palette(image, keep), told, figure.dpi)


def _saved(image: "Image", told: str, dots_per_inch: float) -> bytes:
    from PIL.PngImagePlugin import PngInfo

    words = PngInfo()
    words.add_itxt("Description", encodable(told))
    buffer = io.BytesIO()
    image.save(
        buffer, format="PNG", optimize=True, pnginfo=words, dpi=(dots_per_inch, dots_per_inch)
    )
    return buffer.getvalue()


def _with_palette(image: "Image", keep: Sequence[str]) -> "Image":
    from PIL import Image

    kept = dict.fromkeys((WHITE, EMPTY, GREEN, RED, *keep))
    house = [bytes.fromhex(colour[1:7]) for colour in kept]
    chosen = image.quantize(256 - len(house), Image.Quantize.MEDIANCUT).getpalette() or []
    palette = Image.new("P", (1, 1))
    palette.putpalette([*b"".join(house), *chosen])
    dithered = image.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    indices, colours = np.array(dithered), np.asarray(image)
    for index, colour in enumerate(house):
        indices[(colours == tuple(colour)).all(axis=-1)] = index
    exact = Image.fromarray(indices)
    exact.putpalette(dithered.getpalette() or [])
    return exact
