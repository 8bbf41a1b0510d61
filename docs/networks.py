"""Writes the tables of networks into the pages of their papers: python docs/networks.py

A page says which rows by a mark, `<!-- networks: resnet*, wide_* | stage 4=stage4 -->`: patterns of
names, in the order of their rows, and more columns with the field of the row that each shows. What
stands between it and `<!-- end -->` is written anew. tests/test_pages.py holds the pages to
the rows.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from operator import attrgetter
from pathlib import Path

import torch

from martlet.models import create_model
from martlet.models.spec import Spec
from martlet.models.table import FILES
from martlet.storage.files import write_text

HERE = Path(__file__).parent
TABLE = re.compile(r"(<!-- networks: (.*?)(?: \| (.*?))? -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def rows(patterns: str) -> Iterator[Spec]:
    """The rows of each pattern, as the papers' files have them."""
    for pattern in patterns.split(", "):
        for file in FILES:
            for row in import_module(f"martlet.models.{file}").VARIANTS:
                if fnmatchcase(row.name, pattern):
                    yield row


def cells(row: Spec, more: dict[str, str]) -> dict[str, str]:
    """What a row tells, by the title of its column."""
    paper, weights = row.paper, row.weights
    told = {"network": f"`{row.name}`", "params": f"{row.params:,}", "MACs": _short(row.macs)}
    if paper.macs and not paper.with_classifier:
        with torch.device("meta"):
            classifier = create_model(row.name).get_parameter("classifier.weight").numel()
        told["without classifier"] = _short(row.macs - classifier)
    told["printed"] = ", ".join(filter(None, (paper.params, paper.macs)))
    if paper.top1_error is not None:
        told["top-1 error, printed"] = f"{paper.top1_error} %"
    told["source"] = paper.source
    if weights:
        told[f"{weights.library}'s weights, top-1"] = f"{weights.top1} %"
    for title, field in more.items():
        value = attrgetter(field)(row)
        told[title] = ", ".join(map(str, value)) if isinstance(value, tuple) else str(value)
    return told


def _short(macs: int) -> str:
    return f"{macs / 1e9:.3f} G" if macs >= 1e9 else f"{macs / 1e6:.1f} M"


def table(patterns: str, more: str | None) -> str:
    """A line per row; columns in which every cell is empty are left out."""
    extra = dict(title.split("=") for title in more.split(", ")) if more else {}
    told = [cells(row, extra) for row in rows(patterns)]
    order = ("network", *extra, "params", "MACs", "without classifier", "printed")
    names = dict.fromkeys([*order, *(name for line in told for name in line)])
    titles = [name for name in names if any(line.get(name) for line in told)]
    lines = [titles, ["---"] * len(titles), *([line.get(t, "") for t in titles] for line in told)]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def filled(text: str) -> str:
    """A page with fresh tables."""
    return TABLE.sub(lambda mark: f"{mark[1]}\n{table(mark[2], mark[3])}\n{mark[5]}", text)


if __name__ == "__main__":
    for page in sorted(HERE.glob("*.md")):
        text = page.read_text(encoding="utf-8")
        if TABLE.search(text):
            write_text(page, filled(text))
