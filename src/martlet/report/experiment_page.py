"""The page of an experiment: what it asks, what it found, table, picture, and how it was run."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from martlet.report import values
from martlet.report.page import template
from martlet.report.style import encodable
from martlet.storage.files import write_text


@dataclass(frozen=True)
class ExperimentPage:
    """Everything that the page shows, as plain data.

    Attributes:
        title, source, asks, size: of the experiment.
        summary: what it found, in sentences; caveat: what that does not show.
        findings: a sentence for each claim.
        head, body: of the table; the first column is text, the others are figures.
        picture: the PNG file of it; None where nothing is run. pictured: its title in words.
        looked_at: the PNG file of what the networks look at; None where it is not drawn.
        settings: name -> value, of all runs.
        machines: name -> value, of the machines that the runs were made on.
        command: that makes all of it again.
    """

    title: str
    source: str
    asks: str
    size: str
    summary: str
    caveat: str
    findings: Sequence[str]
    head: Sequence[str]
    body: Sequence[Sequence[str]]
    picture: Path | None
    pictured: str = "Against multiply-adds"
    looked_at: Path | None = None
    settings: Mapping[str, object] = field(default_factory=dict)
    machines: Mapping[str, str] = field(default_factory=dict)
    command: str = ""


def write_experiment_page(path: Path, page: ExperimentPage) -> None:
    """Write `page` as one self-contained HTML file: no script, no request to anywhere.

    Raises MartletError when a picture cannot be read or the file cannot be written.
    """
    picture = values.picture(page.picture) if page.picture else None
    looked_at = values.picture(page.looked_at) if page.looked_at else None
    shown = template("experiment.html").render(page=page, picture=picture, looked_at=looked_at)
    write_text(path, encodable(shown))
