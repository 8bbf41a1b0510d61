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
from typing import Any

import torch

from martlet import cost, create_model
from martlet.models import ImageInput, list_models, mobilenet_v1, mobilenet_v2, spec
from martlet.models.spec import as_number
from martlet.storage.files import write_text

HERE = Path(__file__).parent
AT_SIZES = {(at.name, at.side): at.paper for at in (*mobilenet_v1.AT_SIZES, *mobilenet_v2.AT_SIZES)}
INTRODUCTION = """\
# The family: printed and ours

Every row of a paper's table, or of a library's, that states the cost of a network of this line. A
figure is within the printed digit (✓) when ours, rounded to as many digits, is the printed one. A
letter leads to the reason where it is not. MACs are multiply-adds of convolutions and linear
layers for one input; the papers call them FLOPs. This page is written by `python docs/family.py`
from the networks' rows and `docs/family.toml`, and a test keeps it up to date.
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
    """A row of a table, as far as it is about cost."""

    name: str
    network: str  # with what is not its standard form
    model: str
    macs: Figure | None
    params: Figure | None

    @property
    def figures(self) -> list[Figure]:
        """Those that are printed."""
        return [figure for figure in (self.macs, self.params) if figure is not None]


@dataclass(frozen=True)
class Table:
    """A table of one source."""

    source: str
    name: str
    remarks: tuple[str, ...]
    rows: tuple[Row, ...]


def read(path: Path = HERE / "family.toml") -> list[Table]:
    """The tables of the data file, ours counted beside them."""
    data = tomllib.loads(path.read_text(encoding="utf-8"))
    return [_table(table, data["reasons"]) for table in data["tables"]]


def _table(table: dict[str, Any], reasons: dict[str, str]) -> Table:
    remarks = []
    if not table.get("classifier", True):
        remarks.append("The printed MACs leave the classifier out, and so do ours here.")
    if "remark" in table:
        remarks.append(table["remark"])
    if "others" in table:
        remarks.append(f"Not of this line: {table['others']}.")
    only = table.get("only", ["macs", "params"])
    given = [*_own(table.get("networks", []), only), *table.get("rows", [])]
    rows = tuple(_row(row, table, reasons) for row in given)
    return Table(table["source"], table["name"], tuple(remarks), rows)


def _own(patterns: Iterable[str], only: list[str]) -> Iterator[dict[str, Any]]:
    """What the rows of networks print, for patterns of names; "name@192" for another size."""
    for pattern in patterns:
        names, _, side = pattern.partition("@")
        for row in map(spec, list_models(names)):
            paper = AT_SIZES[row.name, int(side)] if side else row.paper
            told: dict[str, Any] = {name: getattr(paper, name) for name in only}
            told = {name: text for name, text in told.items() if text}
            if side:
                told["size"] = int(side)
            yield {"row": "", "network": row.name, "note": row.note, **told}


def _row(row: dict[str, Any], table: dict[str, Any], reasons: dict[str, str]) -> Row:
    options = table.get("options", {}) | row.get("options", {})
    size = row.get("size", table.get("size"))
    classifier = table.get("classifier", True)
    params, macs = _counted(row["network"], json.dumps(options), size, classifier)

    def figure(name: str, ours: int) -> Figure | None:
        if name not in row:
            return None
        found = Figure(row[name], ours, row.get(f"why_{name}", ""))
        if not found.reason and not found.within:  # its row's, or one for the whole table
            found = replace(found, reason=row.get("note") or table.get(f"why_{name}", ""))
        return replace(found, reason=reasons.get(found.reason, found.reason))

    said = [f"`{row['network']}`", *_said(row.get("options", {}))]
    if "size" in row:
        said.append(f"{size}×{size}")
    network = ", ".join(said)
    return Row(row["row"], network, row["network"], figure("macs", macs), figure("params", params))


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


def page(tables: list[Table]) -> str:
    """The page's text."""
    figures = [figure for table in tables for row in table.rows for figure in row.figures]
    rows = [row for table in tables for row in table.rows]
    whole = sum(all(figure.within for figure in row.figures) for row in rows)
    others = [figure for figure in figures if not figure.within]
    near = sum(abs(figure.deviation) < 1 for figure in others)
    parts = [
        INTRODUCTION,
        f"**{len(rows)} rows, {whole} of them within the printed digit. {len(figures)} figures, "
        f"{len(figures) - len(others)} within; a reason beside each of the other {len(others)}, "
        f"{near} of which are less than 1 % off.**\n",
        _summary(tables),
    ]
    source = ""
    for table in tables:
        if table.source != source:
            parts.append(f"## {table.source}\n")
            source = table.source
        parts.append(_written(table))
    return "\n".join(parts)


def _summary(tables: list[Table]) -> str:
    lines = []
    for source in dict.fromkeys(table.source for table in tables):
        rows = [row for table in tables if table.source == source for row in table.rows]
        figures = [figure for row in rows for figure in row.figures]
        largest = max(figures, key=lambda figure: abs(figure.deviation)).deviation
        within = sum(figure.within for figure in figures)
        lines.append((source, len(rows), f"{within} of {len(figures)}", _percent(largest)))
    return _grid(("source", "rows", "figures within", "furthest"), lines, left=1)


def _written(table: Table) -> str:
    has_macs = any(row.macs for row in table.rows)
    has_params = any(row.params for row in table.rows)
    reasons = dict.fromkeys(f.reason for row in table.rows for f in row.figures if f.reason)
    letters = dict(zip(reasons, "abcdefghijklmnopqrstuvwxyz", strict=False))
    names = ["row"] if any(row.name for row in table.rows) else []
    titles = [*names, "network"]
    titles += ["MACs printed", "ours", "off by"] if has_macs else []
    titles += ["params printed", "ours", "off by"] if has_params else []
    lines = []
    for row in table.rows:
        cells = [row.name, row.network] if names else [row.network]
        if has_macs:
            cells += _cells(row.macs, letters, lambda macs: f"{macs / 1e6:,.2f} M")
        if has_params:
            cells += _cells(row.params, letters, lambda params: f"{params:,}")
        lines.append(cells)
    said = "".join(f"{remark}\n" for remark in table.remarks)
    notes = "".join(f"- {letter}: {reason}\n" for reason, letter in letters.items())
    parts = (f"### {table.name}\n", said, _grid(titles, lines, left=1 + len(names)), notes)
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
