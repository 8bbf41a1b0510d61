"""A sheet of pictures with what they are and what the network said."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.evidence import overlay
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Pixels = npt.NDArray[np.uint8]

# All in pixels of the sheet.
TILE = 128  # the square a picture is fitted into
FRAME = 5  # around the square
GAP = 24  # between two frames, and around all
_TEXT = 56  # below a frame: three lines
_LINES = (13, 31, 47)  # their middles, below the frame
_SIZES = (10.8, 10.0, 8.2)  # points
_DOTS_PER_INCH = 96
_TITLE = 34  # above all, where there is one


@dataclass(frozen=True)
class Shown:
    """One picture of the sheet.

    Attributes:
        pixels: uint8, shape (height, width), or (height, width, channels) with 1 or 3 channels
            (gray or RGB).
        truth: the name of its class.
        predicted: the name of the class that the network gave it.
        probability: of `predicted`, 0..1.
        name: the file's name.
        evidence: (rows, columns), what each place of the pixels says for `predicted`, if known.
    """

    pixels: Pixels
    truth: str
    predicted: str
    probability: float
    name: str
    evidence: npt.NDArray[np.floating] | None = None

    @property
    def right(self) -> bool:
        return self.truth == self.predicted


def draw_predictions(
    shown: Sequence[Shown],
    path: str | Path,
    columns: int = 6,
    classes: Sequence[str] = (),
    title: str = "",
    truth: str = "is",
) -> str:
    """Draw the pictures in the order given, `columns` a row, into the PNG file `path`.

    A right prediction has a green frame and a tick, a wrong one a red frame and a cross. Small
    pictures are enlarged by a whole factor, so that their pixels stay squares. What is known of
    the evidence lies over the pictures, from dark (none) to yellow. About two dozen photographs
    fill 300 KB.

    Args:
        shown: the pictures, for instance the worst mistakes first.
        path: the file to write; it is replaced whole.
        columns: pictures a row.
        classes: all names in label order; with them, a name that no installed font can draw
            becomes its number, "#3".
        title: a line above the pictures, such as the order that they are in.
        truth: the word before the name of a picture's class.

    Returns:
        What the sheet shows, in a sentence, for its caption; it also stands in the file.

    Raises:
        MartletError: nothing to show, `columns` below 1, pixels of another kind, or the file
            cannot be written.
    """
    told = f"{title}. " * bool(title) + describe_predictions(shown, truth)
    figure = predictions_figure(shown, columns, classes, title, truth)
    write_bytes(path, style.png(figure, told))
    return told


def describe_predictions(shown: Sequence[Shown], truth: str = "is") -> str:
    """The sheet in words; `truth` as of `draw_predictions`."""
    wrong = sum(not one.right for one in shown)
    pictures = f"{len(shown)} picture" + ("s" if len(shown) != 1 else "")
    if truth != "is":  # nobody says which of the two is right
        return f"{pictures}: the answer above, and below it what the picture is {truth}."
    told = f"{pictures}, {wrong} of them wrong: the prediction above, the true class below it."
    if any(one.evidence is not None for one in shown):
        told += (
            " Over each picture lies what speaks for the prediction, from dark (none) to yellow."
        )
    return told


def predictions_figure(
    shown: Sequence[Shown],
    columns: int = 6,
    classes: Sequence[str] = (),
    title: str = "",
    truth: str = "is",
) -> "Figure":
    """The figure of `draw_predictions`: the sheet's pixels with the text on top."""
    from matplotlib.figure import Figure

    sheet = sheet_pixels(shown, columns)
    above = _TITLE if title else 0
    height, width = sheet.shape[0] + above, sheet.shape[1]
    with style.house_style():
        size = (width / _DOTS_PER_INCH, height / _DOTS_PER_INCH)
        figure = Figure(figsize=size, dpi=_DOTS_PER_INCH)
        figure.figimage(sheet, origin="upper")
        if title:
            room = (width - 2 * GAP) / _DOTS_PER_INCH
            figure.text(
                GAP / width, 1 - (GAP + 2) / height, style.fitted(title, 11.0, room),
                fontsize=11.0, color=style.INK, va="center",
            )  # fmt: skip
        for place, one in enumerate(shown):
            left, top = corner(place, len(shown), columns)
            for line, (text, colour) in enumerate(_told(one, classes, truth)):
                middle = above + top + TILE + 2 * FRAME + _LINES[line]
                figure.text(
                    left / width, 1 - middle / height, text, color=colour, fontsize=_SIZES[line],
                    va="center",
                )  # fmt: skip
    return figure


def corner(place: int, number: int, columns: int) -> tuple[int, int]:
    """(left, top) of the frame of picture `place` of `number`, in pixels of the sheet."""
    row, column = divmod(place, min(columns, number))
    step = TILE + 2 * FRAME + GAP
    return GAP + column * step, GAP + row * (step + _TEXT)


def sheet_pixels(shown: Sequence[Shown], columns: int) -> Pixels:
    """The sheet without its text, uint8 of shape (height, width, 3)."""
    if not shown:
        raise MartletError("shown has no pictures; at least one is needed to draw a sheet.")
    if columns < 1:
        raise MartletError(f"columns={columns} is not accepted; use 1 or more.")
    left, top = corner(len(shown) - 1, len(shown), columns)
    across = corner(min(columns, len(shown)) - 1, len(shown), columns)[0]
    outer = TILE + 2 * FRAME
    sheet = np.full((top + outer + _TEXT + GAP // 2, across + outer + GAP, 3), 255, np.uint8)
    for place, one in enumerate(shown):
        left, top = corner(place, len(shown), columns)
        sheet[top : top + outer, left : left + outer] = _rgb(
            style.GREEN if one.right else style.RED
        )
        inside = sheet[top + FRAME : top + FRAME + TILE, left + FRAME : left + FRAME + TILE]
        inside[:] = _rgb(style.EMPTY)
        picture = fitted(one.pixels, TILE)
        if one.evidence is not None:
            picture = overlay(picture, one.evidence)
        y, x = (TILE - picture.shape[0]) // 2, (TILE - picture.shape[1]) // 2
        inside[y : y + picture.shape[0], x : x + picture.shape[1]] = picture
    return sheet


def fitted(pixels: Pixels, side: int) -> Pixels:
    """The picture as RGB, as large as fits into a square of `side` pixels.

    Up to half the side it is enlarged by a whole factor without blur; the rest is resampled.
    """
    from PIL import Image

    pixels = _rgb_pixels(pixels)
    height, width = pixels.shape[:2]
    factor = side // max(height, width)
    if factor >= 2:
        return pixels.repeat(factor, axis=0).repeat(factor, axis=1)
    scale = side / max(height, width)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    resized = Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS)
    return np.asarray(resized)


def _rgb_pixels(pixels: Pixels) -> Pixels:
    """(height, width, 3) of gray or RGB pixels."""
    gray = pixels.ndim == 2 or (pixels.ndim == 3 and pixels.shape[2] == 1)
    colour = pixels.ndim == 3 and pixels.shape[2] == 3
    if pixels.dtype != np.uint8 or not (gray or colour) or 0 in pixels.shape:
        raise MartletError(
            f"pixels have the type {pixels.dtype} and the shape {pixels.shape}; "
            "use uint8 of (height, width), (height, width, 1) or (height, width, 3)."
        )
    if gray:
        pixels = np.broadcast_to(pixels.reshape(*pixels.shape[:2], 1), (*pixels.shape[:2], 3))
    return np.ascontiguousarray(pixels)


def _rgb(colour: str) -> tuple[int, ...]:
    """ "#0072B2" -> (0, 114, 178)."""
    return tuple(bytes.fromhex(colour[1:]))


def _told(one: Shown, classes: Sequence[str], word: str) -> list[tuple[str, str]]:
    """The lines below a picture, each with its colour, cut to the room there is."""
    mark, colour = ("✓", style.DARK_GREEN) if one.right else ("✗", style.DARK_RED)
    probability = "–" if np.isnan(one.probability) else f"{100 * one.probability:.0f} %"
    said, truth = (
        style.printable(name, f"#{classes.index(name)}" if name in classes else None)
        for name in (one.predicted, one.truth)
    )
    lines = [
        (f"{mark} ", said, f"  {probability}", colour),
        (f"{word} ", truth, "", style.INK),
        ("", style.printable(one.name), "", style.MUTED),
    ]
    told = []
    for (before, name, after, ink), size in zip(lines, _SIZES, strict=True):
        room = (TILE + 2 * FRAME + GAP - 11) / _DOTS_PER_INCH - style.width([before + after], size)
        told.append((before + style.fitted(name, size, room) + after, ink))
    return told
