"""A picture at its own size with the boxes that were found in it."""

import io
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from martlet.report import style


class DrawnBox(NamedTuple):
    """left, top, right, bottom in pixels; the words above it; "#0072B2"."""

    corners: Sequence[float]
    label: str
    colour: str


def box_png(pixels: npt.NDArray[np.uint8], boxes: Sequence[DrawnBox], told: str) -> bytes:
    """The bytes of a PNG file: lines as wide as the picture's size asks for, words above them.

    pixels: uint8 (height, width, 3). `told`, the picture in words, stands in the file.
    """
    from matplotlib.font_manager import FontProperties, findfont
    from PIL import Image, ImageDraw, ImageFont
    from PIL.PngImagePlugin import PngInfo

    image = Image.fromarray(pixels)
    side = max(image.size)
    width, size = max(1, round(side / 300)), max(9, round(side / 45))
    font = ImageFont.truetype(findfont(FontProperties(family=[style.fonts()[0]])), size)
    pen = ImageDraw.Draw(image)
    for (left, top, right, bottom), label, colour in boxes:
        pen.rectangle((left, top, max(left, right - 1), max(top, bottom - 1)), outline=colour,
                      width=width)  # fmt: skip
        words = style.printable(label)
        across = pen.textlength(words, font=font)
        down = size + 2 * width
        above = top - down if top >= down else top
        first = min(left, max(0, image.width - across - 2 * width))
        pen.rectangle((first, above, first + across + 2 * width, above + down), fill=colour)
        pen.text((first + width, above + width), words, fill=style.WHITE, font=font, anchor="la")
    words_of_file = PngInfo()
    words_of_file.add_itxt("Description", style.encodable(told))
    stream = io.BytesIO()
    image.save(stream, "PNG", pnginfo=words_of_file)
    return stream.getvalue()
