"""What an experiment is: rows of a paper's table, what they say of each other, and its sizes.

All of it is plain data, read from a file of `martlet/experiments/` by reading.py.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

SIZES = ("tiny", "small", "paper")
PAPER = SIZES[-1]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A cell of the paper's table: a network, and what is printed of it.

    Attributes:
        name: as tables and claims call it.
        model: name of the network; None for one that is printed alone, for comparison.
        at_paper: the network that has its place at size paper, where that is another one.
        options: those of `create_model`, `attention` among them.
        train: options of `train` that differ from those of all rows.
        paper: the figure that the paper prints, in its unit; None where it prints none.
        macs: multiply-adds as the paper prints them, such as "140M"; without them the figure has no
            place in the picture.
        only: the sizes that have this row; empty for all.
    """

    name: str
    model: str | None = None
    at_paper: str | None = None
    options: Mapping[str, Any] = field(default_factory=dict)
    train: Mapping[str, Any] = field(default_factory=dict)
    paper: float | None = None
    macs: str | None = None
    only: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Claim:
    """What the paper says of its rows: those of `better` are better than those of `worse`.

    Both have as many rows; the claim is of the mean of the differences, pair by pair. With
    `interaction` it is that the first pair differs by more than the second.
    """

    says: str
    better: Sequence[str]
    worse: Sequence[str]
    interaction: bool = False

    @property
    def weights(self) -> dict[str, float]:
        """Row -> by what its error is multiplied; the claim is that the sum is above 0."""
        share = 1.0 if self.interaction else 1.0 / len(self.better)
        found: dict[str, float] = {}
        for number, (low, high) in enumerate(zip(self.better, self.worse, strict=True)):
            sign = -share if self.interaction and number else share
            found[high] = found.get(high, 0.0) + sign
            found[low] = found.get(low, 0.0) - sign
        return found


@dataclass(frozen=True, kw_only=True)
class Size:
    """On what, and for how long, the rows are trained.

    Attributes:
        name: one of SIZES.
        train, test: samples a class of the fixed part of the data; None for all there are.
        seeds: how many runs each row has, with the seeds from 0 on.
        options: those of `train`, for all rows.
        files: of data that `train` divides itself: their name below the folder that is given
            ("data"; without it the folder itself), and those of options that are files, as labels.
        recipe: of the options, where it is a shipped one.
        minutes: of one core, that all runs were measured to take together; None before that.
    """

    name: str
    train: int | None = None
    test: int | None = None
    seeds: int = 1
    options: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    recipe: str | None = None
    minutes: float | None = None


@dataclass(frozen=True, kw_only=True)
class Heading:
    """What every kind of experiment has.

    Attributes:
        name: of its file, with "-" for "_".
        title: what it is about, in a few words.
        source: paper, arXiv id, table.
        asks: the question that it answers.
        note: in what it differs from the paper's, besides data and recipe.
    """

    name: str
    title: str
    source: str
    asks: str
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Experiment(Heading):
    """A paper's table of networks that are trained, and what it is to show.

    Attributes:
        unit: what the paper's figures are, "top-1 error, %" say.
        figure: what of a run stands beside them: "error", "accuracy", or of boxes "ap" or "ap50".
        rows, claims: in the order of the file.
        sizes: by name.
        setting: what its runs share with those of others, as settings.toml calls it.
        looked_at: rows whose networks are shown side by side, with what speaks for their answers.
    """

    unit: str
    figure: str
    rows: Sequence[Row]
    claims: Sequence[Claim]
    sizes: Mapping[str, Size]
    setting: str = ""
    looked_at: Sequence[str] = ()

    def rows_at(self, size: str) -> list[Row]:
        """The rows that this size has, those that are printed alone among them."""
        found = [row for row in self.rows if not row.only or size in row.only]
        if size != PAPER:
            return found
        return [replace(row, model=row.at_paper) if row.at_paper else row for row in found]

    def claims_at(self, size: str) -> list[Claim]:
        """The claims about rows that this size has."""
        rows = {row.name for row in self.rows_at(size)}
        return [claim for claim in self.claims if set(claim.weights) <= rows]

    def runs_at(self, size: str) -> list[Row]:
        """The rows that are trained at this size."""
        return [row for row in self.rows_at(size) if row.model is not None]
