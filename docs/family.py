"""Writes docs/family.md: what papers and libraries print about the networks, beside what ours cost.

python docs/family.py

Figures that the networks' rows know come from there: docs/family.toml names these networks, and
holds all other figures, letter by letter. Each is compared with ours; one that does not come out to
the printed digit needs a reason: the row's note, or one in docs/family.toml. tests/test_family.py
holds the page to the data and the networks.
"""

import json
import tomllib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from string import ascii_lowercase
from typing import Any

import torch

from martlet import cost, create_model
from martlet.models import ImageInput, Spec, list_models, mobilenet_v1, mobilenet_v2, spec
from martlet.models.spec import as_number
from martlet.storage.files import write_text

HERE = Path(__file__).parent
AT_SIZES = {(at.name, at.side): at.paper for at in (*mobilenet_v1.AT_SIZES, *mobilenet_v2.AT_SIZES)}
SHOWN = {"macs": ("MACs", lambda macs: f"{macs / 1e6:,.2f} M"), "params": ("params", "{:,}".format)}
INTRODUCTION = """\
# The family: printed and ours

Every row of a paper's table, or of a library's, that states the cost of a network of this line;
what several tables of a source print alike is one row. A figure is within the printed digit (✓)
when ours, rounded to as many digits, is the printed one. A letter leads to the reason below the
table where it is not. MACs are multiply-adds of convolutions and linear layers for one input; the
papers call them FLOPs. This page is written by `python docs/family.py` from the networks' rows and
`docs/family.toml`, and a test keeps it up to date.
"""


@dataclass(frozen=True)
class Figure:
    """A printed number and ours."""

    printed: str
    ours: int
    reason: str  # why ours is another; "" for none

    @property
    def deviation(self) -> float:
        """Ours against the printed one, in percent."""
        return 100 * (self.ours / as_number(self.printed) - 1)

    @property
    def within(self) -> bool:
        """Whether ours, rounded to as many digits, is the printed one."""
        unit = as_number(f"1{self.printed[-1]}") if self.printed[-1].isalpha() else 1.0
        decimals = len(self.printed.rstrip("MG").partition(".")[2])
        return abs(self.ours - as_number(self.printed)) <= unit * 0.5 * 10.0**-decimals


@dataclass(frozen=True)
class Row:
    """What a source prints about the cost of a network."""

    table: str  # "Tables 5, 8" where two print the same
    network: str  # with what is not its standard form
    model: str
    macs: Figure | None
    params: Figure | None

    @property
    def figures(self) -> list[Figure]:
        """Those that are printed."""
        return [figure for figure in (self.macs, self.params) if figure is not None]


@dataclass(frozen=True)
class Source:
    """A paper, or a library."""

    name: str
    about: str
    rows: tuple[Row, ...]

    @property
    def figures(self) -> list[Figure]:
        """Of all rows."""
        return [figure for row in self.rows for figure in row.figures]


def read(path: Path = HERE / "family.toml") -> list[Source]:
    """What the data file holds, ours counted beside it."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return [_source(source, data["reasons"]) for source in data["sources"]]


def _source(source: dict[str, Any], reasons: dict[str, str]) -> Source:
    rows = [
        _row(table, *named, entry, source, reasons)
        for table, entries in source["tables"].items()
        for entry in entries
        for named in _named(entry["network"])
    ]
    return Source(source["name"], source.get("about", "").strip(), tuple(rows))


def _named(patterns: str) -> Iterator[tuple[Spec, int | None]]:
    """The networks of "resnet18 resnet3*", and the side of their pictures after an @."""
    for pattern in patterns.split():
        names, _, side = pattern.partition("@")
        for row in map(spec, list_models(names) or [names]):
            yield row, int(side) if side else None


def _row(
    table: str,
    network: Spec,
    side: int | None,
    entry: dict[str, Any],
    source: dict[str, Any],
    reasons: dict[str, str],
) -> Row:
    own = "macs" not in entry and "params" not in entry  # the network's row holds the figures
    if own:
        paper = AT_SIZES[network.name, side] if side else network.paper
        printed = {kind: getattr(paper, kind) for kind in SHOWN if entry.get("only", kind) == kind}
    else:
        printed = {kind: entry.get(kind) for kind in SHOWN}
    shown = entry.get("options", {})
    options = json.dumps(source.get("options", {}) | shown)
    classifier = entry.get("classifier", True)
    params, macs = _counted(network.name, options, side or source.get("size"), classifier)

    def figure(kind: str, ours: int) -> Figure | None:
        if not printed.get(kind):
            return None
        found = Figure(printed[kind], ours, "")
        if found.within:
            return found
        why = entry.get(f"why_{kind}") or (own and network.note) or source.get(f"why_{kind}", "")
        return replace(found, reason=reasons.get(why, why))

    said = [f"`{network.name}`", *_said(shown), *([f"{side}×{side}"] if side else [])]
    return Row(table, ", ".join(said), network.name, figure("macs", macs), figure("params", params))


@cache
def _counted(model: str, options: str, size: int | None, classifier: bool) -> tuple[int, int]:
    """Params and MACs; the standard form's are the model's row, which the models' tests count."""
    given = json.loads(options)
    row = spec(model)
    params, macs = row.params, row.macs
    if not classifier or given or size is not None:
        with torch.device("meta"):
            network = create_model(model, **given)
    if given or size is not None:
        form = replace(row.input, channels=given.get("in_chans", row.input.channels))
        if size is not None and isinstance(form, ImageInput):
            form = replace(form, height=size, width=size)
        found = cost(network, (1, *form.shape))
        params, macs = found.params, found.macs
    if not classifier:
        macs -= network.get_parameter("classifier.weight").numel()
    return params, macs


def _said(options: dict[str, Any]) -> Iterator[str]:
    for name, value in options.items():
        if isinstance(value, dict):
            yield from _said(value)
        else:
            yield f"{name}={value}"


def page(sources: list[Source]) -> str:
    """The page's text."""
    rows = [row for source in sources for row in source.rows]
    figures = [figure for source in sources for figure in source.figures]
    whole = sum(all(figure.within for figure in row.figures) for row in rows)
    others = [figure for figure in figures if not figure.within]
    near = sum(abs(figure.deviation) < 1 for figure in others)
    parts = [
        INTRODUCTION,
        f"**{len(rows)} rows, {whole} of them within the printed digit. {len(figures)} figures, "
        f"{len(figures) - len(others)} within; a reason beside each of the other {len(others)}, "
        f"{near} of which are less than 1 % off.**\n",
        _summary(sources),
        *map(_written, sources),
    ]
    return "\n".join(parts)


def _summary(sources: list[Source]) -> str:
    lines = []
    for source in sources:
        figures = source.figures
        largest = max(figures, key=lambda figure: abs(figure.deviation)).deviation
        within = f"{sum(figure.within for figure in figures)} of {len(figures)}"
        lines.append((source.name, len(source.rows), within, _percent(largest)))
    return _grid(("source", "rows", "figures within", "furthest"), lines, left=1)


def _written(source: Source) -> str:
    kinds = [kind for kind in SHOWN if any(getattr(row, kind) for row in source.rows)]
    reasons = dict.fromkeys(figure.reason for figure in source.figures if figure.reason)
    letters = dict(zip(reasons, ascii_lowercase, strict=False))
    titles, lines = ["table", "network"], []
    for kind in kinds:
        titles += [f"{SHOWN[kind][0]} printed", "ours", "off by"]
    for row in source.rows:
        cells = [row.table, row.network]
        for kind in kinds:
            cells += _cells(getattr(row, kind), letters, SHOWN[kind][1])
        lines.append(cells)
    notes = "".join(f"- {letter}: {reason}\n" for reason, letter in letters.items())
    about = f"{source.about}\n" if source.about else ""
    parts = (f"## {source.name}\n", about, _grid(titles, lines, left=2), notes)
    return "\n".join(part for part in parts if part)


def _cells(figure: Figure | None, letters: dict[str, str], text: Any) -> tuple[str, str, str]:
    if figure is None:
        return "", "", ""
    mark = "✓" if figure.within else letters.get(figure.reason, "?")
    return figure.printed, text(figure.ours), f"{_percent(figure.deviation)} {mark}"


def _percent(value: float) -> str:
    return f"{value:+.2f} %".replace("-", "−").replace("+0.00", "0.00").replace("−0.00", "0.00")


def _grid(titles: Iterable[str], lines: Iterable[Iterable[object]], left: int) -> str:
    titles = list(titles)
    rule = ["---"] * left + ["--:"] * (len(titles) - left)
    return "".join(f"| {' | '.join(map(str, line))} |\n" for line in (titles, rule, *lines))


if __name__ == "__main__":
    write_text(HERE / "family.md", page(read()))
