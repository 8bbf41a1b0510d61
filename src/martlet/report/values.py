"""Values as the page shows them: numbers and settings in words, pictures as text."""

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from martlet.errors import MartletError


@dataclass(frozen=True)
class Picture:
    """A PNG file as the page holds it; width and height are CSS's pixels."""

    base64: str
    width: int
    height: int
    caption: str


def picture(path: Path) -> Picture:
    """The PNG file itself; its description in the file becomes the caption.

    Raises MartletError when `path` cannot be read or is no PNG file.
    """
    from PIL import Image, PngImagePlugin

    try:
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            assert isinstance(image, PngImagePlugin.PngImageFile)
            caption = str(image.text.get("Description", ""))
            dots = float(image.info.get("dpi", (96.0, 96.0))[0])
            width, height = (round(side * 96 / dots) for side in image.size)
    except OSError as error:
        raise MartletError(f"{path} could not be read as a PNG picture ({error}).") from error
    return Picture(base64.b64encode(content).decode(), width, height, caption)


def plain(value: object) -> str:
    """A recipe's value as one would write it down."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{name} {plain(inner)}" for name, inner in value.items()) or "–"
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return ", ".join(plain(inner) for inner in value) or "–"
    return str(value)


def count(value: int) -> str:
    """1234567 -> "1,234,567"."""
    return f"{value:,}"


def short(value: int) -> str:
    """1234567 -> "1.23 M"."""
    for unit, size in (("G", 10**9), ("M", 10**6), ("k", 10**3)):
        if value >= size:
            return f"{value / size:.3g}\u00a0{unit}"
    return str(value)


def span(seconds: float) -> str:
    """3725.0 -> "1 h 2 min"; 59.4 -> "59 s"."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def ms(value: float) -> str:
    """Milliseconds with two or three digits."""
    return f"{value:.2f}" if value < 10 else f"{value:.1f}"
