"""report.html of a run that learnt boxes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from martlet.report import values
from martlet.report.page import LONG, CostTotals, template
from martlet.report.result import points
from martlet.report.style import encodable
from martlet.storage.files import write_text


@dataclass(frozen=True)
class BoxPage:
    """Everything that the page shows, as plain data.

    Attributes:
        name, network, date, seconds: as of a Page.
        told: the result in sentences.
        figures: name -> value of COCO's figures, 0 to 1; None where nothing is of that size.
        classes, counts: names, and part -> boxes of each.
        odd, notes: how annotations were understood; what stands out of the parts.
        per_class: one row a class: "class", "boxes" of the scored part, "ap", "ap50".
        mistakes: kind -> how many.
        pictures: name of the section, title, PNG file, words for who cannot see it.
        cost: of an input; recipe, machine, versions: name -> value; command: that makes it again.
    """

    name: str
    network: str
    told: Sequence[str]
    figures: Mapping[str, float | None]
    classes: Sequence[str]
    counts: Mapping[str, Sequence[int]]
    per_class: Sequence[Mapping[str, Any]]
    mistakes: Mapping[str, int]
    pictures: Sequence[tuple[str, str, Path, str]]
    cost: CostTotals | None = None
    odd: Sequence[str] = ()
    notes: Sequence[str] = ()
    date: str = ""
    seconds: float | None = None
    recipe: Mapping[str, object] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None


def write_box_page(path: Path, page: BoxPage) -> None:
    """Write `page` as one self-contained HTML file: no script, no request to anywhere.

    Raises MartletError when a picture cannot be read or the file cannot be written.
    """
    shown = template("boxes.html").render(
        page=page,
        pictures=[(name, title, values.picture(file), alt) for name, title, file, alt in
                  page.pictures if file.exists()],
        points=points,
        LONG=LONG,
    )  # fmt: skip
    write_text(path, encodable(shown))
