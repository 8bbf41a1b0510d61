"""Small pieces of HTML; every text that comes in is escaped here."""

import base64
import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

from martlet.errors import MartletError

_LEAST_SCALE = 0.5  # a picture shrinks this far to fit a narrow screen, then it scrolls


def paragraph(text: str) -> str:
    return f"<p>{escape(text)}</p>"


def section(name: str, title: str, *content: str) -> str:
    """A section with a heading, or nothing when it has no content."""
    inside = "\n".join(piece for piece in content if piece)
    if not inside:
        return ""
    return f'<section id="{name}">\n<h2>{escape(title)}</h2>\n{inside}\n</section>'


def bullets(items: Sequence[str], most: int = 20) -> str:
    """A list of at most `most` items, and how many more there are."""
    shown = [*items[:most]]
    if len(items) > most:
        shown.append(f"… and {len(items) - most:,} more")
    return "<ul>" + "".join(f"<li>{escape(item)}</li>" for item in shown) + "</ul>" if shown else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]], label: str, texts: int = 1) -> str:
    """A table; the first `texts` columns are text, the others figures. It scrolls sideways."""
    classes = ["" if column < texts else ' class="figure"' for column in range(len(head))]
    top = "".join(
        f'<th scope="col"{kind}>{escape(cell)}</th>'
        for cell, kind in zip(head, classes, strict=True)
    )
    body = []
    for row in rows:
        cells = [f"<td{kind}>{escape(cell)}</td>" for cell, kind in zip(row, classes, strict=True)]
        cells[0] = f'<th scope="row"{classes[0]}>{escape(row[0])}</th>'
        body.append("<tr>" + "".join(cells) + "</tr>")
    lines = "\n".join(body)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{escape(label)}">'
        f"<table><thead><tr>{top}</tr></thead>\n<tbody>\n{lines}\n</tbody></table></div>"
    )


def pairs(values: Mapping[str, object]) -> str:
    """Names and values, one pair a line."""
    lines = [
        f"<div><dt>{escape(str(name))}</dt><dd>{escape(plain(value))}</dd></div>"
        for name, value in values.items()
    ]
    return '<dl class="pairs">' + "\n".join(lines) + "</dl>" if lines else ""


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


def folded(title: str, content: str) -> str:
    """Content that opens on a click, without JavaScript."""
    return f"<details><summary>{escape(title)}</summary>\n{content}\n</details>"


def picture(path: Path, name: str, alt: str) -> str:
    """A figure that holds the PNG file itself; its description in the file becomes the caption.

    Args:
        path: the PNG file.
        name: CSS class of the figure.
        alt: what kind of picture it is, for those who do not see it.

    Raises:
        MartletError: `path` cannot be read or is no PNG file.
    """
    from PIL import Image, PngImagePlugin

    try:
        content = Path(path).read_bytes()
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            assert isinstance(image, PngImagePlugin.PngImageFile)
            width, height = image.size
            told = str(image.text.get("Description", ""))
            dots = float(image.info.get("dpi", (96.0, 96.0))[0])
    except OSError as error:
        raise MartletError(f"{path} could not be read as a PNG picture ({error}).") from error
    width, height = (round(side * 96 / dots) for side in (width, height))  # in CSS's pixels
    data = base64.b64encode(content).decode()
    caption = f"<figcaption>{escape(told)}</figcaption>" if told else ""
    return (
        f'<figure class="{name}"><div class="scroll" role="region" tabindex="0" '
        f'aria-label="{escape(alt)}"><img src="data:image/png;base64,{data}" '
        f'width="{width}" height="{height}" style="min-width:{width * _LEAST_SCALE:.0f}px" '
        f'alt="{escape(f"{alt}. {told}".strip())}"></div>{caption}</figure>'
    )
