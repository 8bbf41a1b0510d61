"""report.html: what a run came to, on one page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from martlet.errors import MartletError
from martlet.report import values
from martlet.report.protocols import Comparison
from martlet.report.result import PART_NAMES, caveats, percent, sentence, wilson
from martlet.report.style import encodable
from martlet.storage.files import write_text

if TYPE_CHECKING:
    from jinja2 import Template

LONG = 20  # rows, from where on a table is folded and a list is cut
WEAKEST = 10  # classes shown above a folded table


@dataclass(frozen=True)
class CostTotals:
    """What an input of `shape` costs; `bytes_moved` counts float32 weights and activations."""

    params: int
    macs: int
    bytes_moved: int | None = None
    shape: tuple[int, ...] | None = None
    without_macs: str = ""  # the operators that have none, in words


@dataclass(frozen=True)
class Page:
    """Everything that report.html shows, as plain data.

    Attributes:
        name: of the run.
        network: name of the network.
        date: when it was trained, in words.
        seconds: spent training.
        correct: samples of the scored part that were classified right.
        total: samples of the scored part.
        part: which part was scored, "test", "val" or "train".
        chose_checkpoint: the scored part is the one that chose the checkpoint, so that the
            figure flatters.
        balanced_accuracy: mean recall over the classes, 0..1.
        answered: how many different classes the network answered.
        classes: names in label order.
        counts: part -> samples per class, in the order of `classes`.
        odd: sentences about files that were skipped or are unusual.
        notes: sentences about who or what is in which part.
        caution: a sentence that stands wherever the figures do.
        views: sentences about the views of each picture that the figures are of.
        noun: what samples are called, in the plural.
        maps: of a scene, its PNG files, each with a title; they are shown at one scale.
        spectra: of a scene's classes, the PNG file that `draw_spectra` wrote.
        kappa: Cohen's, where it is known; the accuracies are then called as its field calls them.
        comparison: with other runs, of other splits.
        curves, confusion, predictions, windows, reliability, near_duplicates, suspects: the PNG
            files of these sheets, as the drawing functions of this package wrote them.
        believed: sentences about the probabilities, and about what is unknown.
        calibration: rows of how far the probabilities can be believed: what is measured, its value,
            and that without the temperature, "" where there is none.
        per_class: one row a class, in the order of `classes`: its name ("class"), precision,
            recall and F1 ("f1") as fractions 0..1, and its samples ("support").
        latency: one row an engine: its name ("engine"), threads, batch, and the milliseconds of a
            batch as median_ms, p10_ms and p90_ms; `reliable`, or the machine was busy.
        recipe, machine, versions: name -> value.
        command: the command line that makes this run again.
    """

    name: str
    network: str
    correct: int
    total: int
    part: str = "test"
    chose_checkpoint: bool = False
    balanced_accuracy: float | None = None
    answered: int | None = None
    classes: Sequence[str] = ()
    counts: Mapping[str, Sequence[int]] = field(default_factory=dict)
    odd: Sequence[str] = ()
    notes: Sequence[str] = ()
    caution: str = ""
    views: Sequence[str] = ()
    noun: str = "pictures"
    maps: Sequence[tuple[str, Path]] = ()
    spectra: Path | None = None
    kappa: float | None = None
    comparison: Comparison | None = None
    curves: Path | None = None
    confusion: Path | None = None
    predictions: Path | None = None
    windows: Path | None = None
    reliability: Path | None = None
    believed: Sequence[str] = ()
    calibration: Sequence[tuple[str, str, str]] = ()
    near_duplicates: Path | None = None
    suspects: Path | None = None
    per_class: Sequence[Mapping[str, Any]] = ()
    cost: CostTotals | None = None
    latency: Sequence[Mapping[str, Any]] = ()
    date: str = ""
    seconds: float | None = None
    recipe: Mapping[str, object] = field(default_factory=dict)
    machine: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None


def write_page(path: str | Path, page: Page) -> None:
    """Write `page` as one self-contained HTML file: no script, no request to anywhere.

    Raises:
        MartletError: `counts` do not fit `classes`, a picture cannot be read, or the file
            cannot be written.
    """
    write_text(path, encodable(page_html(page)))


def page_html(page: Page) -> str:
    """The text of `write_page`'s file."""
    for part, counts in page.counts.items():
        if len(counts) != len(page.classes):
            raise MartletError(
                f"counts[{part!r}] has {len(counts)} entries; {len(page.classes)} classes need "
                "one each."
            )
    shown = (
        ("curves", "Training", page.curves, "Curves of accuracy and loss"),
        ("confusion", "Which class is taken for which", page.confusion, "Confusion matrix"),
        ("predictions", "Pictures", page.predictions, "Sheet of pictures with predictions"),
        ("windows", "Windows", page.windows, "Sheet of windows of each class and of mistakes"),
        ("pairs", "Nearly the same in two parts", page.near_duplicates, "Pairs of like pictures"),
        ("suspects", "Labels in doubt", page.suspects, "Sheet of pictures with labels in doubt"),
    )
    support = [(row["class"], row["support"]) for row in page.per_class]
    maps = [(title, values.picture(path)) for title, path in page.maps]
    low, high = wilson(page.correct, page.total)
    return template("page.html").render(
        page=page,
        sentence=sentence(
            page.network, page.part, page.correct, page.total, page.noun, bool(page.caution)
        ),
        caveats=[page.caution] * bool(page.caution)
        + [*page.views]
        + caveats(
            page.part,
            page.chose_checkpoint,
            page.correct,
            page.total,
            support,
            page.answered,
            page.noun,
        ),
        low=low,
        high=high,
        parts={PART_NAMES.get(part, part): counts for part, counts in page.counts.items()},
        pictures=[(n, title, values.picture(p), alt) for n, title, p, alt in shown if p],
        reliability=values.picture(page.reliability) if page.reliability else None,
        maps=maps,
        widest=max((picture.width for _, picture in maps), default=1),
        spectra=values.picture(page.spectra) if page.spectra else None,
        rows=list(enumerate(page.per_class)),
        LONG=LONG,
        WEAKEST=WEAKEST,
    )


@cache
def template(name: str) -> "Template":
    """A page's template, with the filters of values.py."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("martlet.report"),
        autoescape=True,
        keep_trailing_newline=True,
        trim_blocks=True,
        undefined=StrictUndefined,
    )
    filters = (values.plain, values.count, values.short, values.ms, values.span, percent)
    environment.filters |= {function.__name__: function for function in filters}
    return environment.get_template(name)
