"""The tables of docs on training, from the files in results/.

python benchmarks/training_tables.py    # writes them between the marks of their pages
"""

import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import fmean

import box_loss
import boxes_vs_peers
import gains
import transfer
from record import rows_of, spread

DOCS = Path(__file__).parent.parent / "docs"
KEYS = ("set", "epochs", "arm", "batch")
Row = dict[str, str]


def grouped(rows: Sequence[Row], *names: str) -> dict[tuple[str, ...], list[Row]]:
    """Rows that are alike in the columns `names`, in the order in which they were measured."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in rows:
        found[tuple(row[name] for name in names)].append(row)
    return found


def written(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table in Markdown, whose first column is text."""
    rows = [heads, ["---", *["---:"] * (len(heads) - 1)], *lines]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def reached(rows: Sequence[Row], digits: int) -> list[str]:
    """Accuracy, how many seeds, and minutes with so many digits."""
    minutes = fmean(float(row["seconds"]) for row in rows) / 60
    top1 = spread([100 * float(row["top1"]) for row in rows], " %")
    return [top1, str(len(rows)), f"{minutes:.{digits}f}"]


def cifar10() -> str:
    """The public recipe and ours on all of CIFAR-10."""
    rows = [row for row in rows_of("recipes") if row["set"] == "cifar10"]
    lines = []
    for (arm, epochs), own in grouped(rows, "arm", "epochs").items():
        changed = ", ".join(f"`{change}`" for change in arm.split(",")[1:])
        name = "the public recipe" if arm == "plain" else f"the default with {changed}"
        lines.append([name, epochs, *reached(own, digits=0)])
    return written(["recipe", "epochs", "test accuracy", "seeds", "minutes"], lines)


def small_sets() -> str:
    """The public recipe and the default on few pictures."""
    names = {
        "plain": "the public recipe",
        "default": "the default",
        "resized": "the default with resized crops",
    }
    rows = [row for row in rows_of("recipes") if row["arm"] in names]
    lines = []
    for name, epochs, head in (("few", 30, "CIFAR-10, 200 a class"), ("flowers", 30, "flowers")):
        for arm, batch in (("plain", ""), ("plain", "32"), ("resized", ""), ("default", "")):
            asked = (name, str(epochs), arm, batch)
            own = [row for row in rows if asked == tuple(row[key] for key in KEYS)]
            if own:
                of = names[arm] + (f", batches of {batch}" if batch else "")
                lines.append([f"{head}: {of}", str(epochs), *reached(own, digits=1)])
    return written(["", "epochs", "test accuracy", "seeds", "minutes"], lines)


def optimizer_step() -> str:
    """Milliseconds of a step."""
    names = ("passes", "sgd", "rmsprop", "adamw", "muon")
    lines = [
        [f"`{row['model']}`", *(row[f"{name}_ms"] for name in names)]
        for row in rows_of("optimizer_step")
    ]
    return written(["network", "forward and backward", *(f"`{one}`" for one in names[1:])], lines)


def whole_epochs() -> str:
    """Seconds of an epoch and memory, program by program."""
    lines = [
        [f"`{row['model']}`: {row['program']}", row["epoch_s"], f"{row['times_martlets']}×",
         row["peak_memory_mib"]]
        for row in rows_of("whole_epochs")
    ]  # fmt: skip
    return written(["", "seconds of an epoch", "of martlet's", "peak memory, MiB"], lines)


def unknown() -> str:
    """What each score tells of pictures of a class that was left out."""
    figures = ("auroc", "caught_at_share", "known_rejected", "unknown_caught")
    lines = []
    for (score,), own in grouped(rows_of("unknown"), "score").items():
        seeds = grouped(own, "seed").values()
        cells = [
            spread([100 * fmean(float(row[figure]) for row in seed) for seed in seeds])
            for figure in figures
        ]
        lines.append([score, *cells])
    heads = ["score", "AUROC, %", "caught where 5 % of the known test pictures are rejected, %"]
    heads += ["known ones that `--unknown` rejects, %", "unknown ones that it catches, %"]
    return written(heads, lines)


def labels() -> str:
    """Which orders of suspects have the flipped labels first."""
    ways = grouped(rows_of("labels"), "answers")
    orders = list(dict.fromkeys(row["order"] for row in rows_of("labels")))
    lines = []
    for order in orders:
        cells = []
        for own in ways.values():
            shares = [
                100 * float(row["found_among_as_many"]) for row in own if row["order"] == order
            ]
            cells.append(spread(shares))
        lines.append([order, *cells])
    seconds = [f"{fmean(float(row['seconds']) for row in own):.0f}" for own in ways.values()]
    lines.append(["seconds", *seconds])
    return written(["order", *(f"{way}, %" for (way,) in ways)], lines)


TABLES: dict[str, tuple[str, Callable[[], str]]] = {  # name: the page, and what makes it
    "cifar10": ("training", cifar10),
    "small_sets": ("training", small_sets),
    "gains": ("training", lambda: gains.table("default")),
    "recordings": ("training", lambda: gains.table("series")),
    "whole_epochs": ("optimization", whole_epochs),
    "optimizer_step": ("optimization", optimizer_step),
    "transfer": ("transfer", lambda: transfer.table(rows_of("transfer"))),
    "unknown": ("answers", unknown),
    "labels": ("checking_data", labels),
    "box_loss": ("detection", lambda: box_loss.table(written)),
    "boxes_vs_peers": ("detection", lambda: boxes_vs_peers.table(written)),
}
PAGES = sorted({DOCS / f"{page}.md" for page, _ in TABLES.values()})
MARKED = re.compile(r"(<!-- table: (\w+) -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """A page with those tables made anew that are of results."""

    def anew(found: re.Match[str]) -> str:
        if found[2] not in TABLES:
            return found[0]
        return f"{found[1]}\n{TABLES[found[2]][1]().rstrip()}\n\n{found[4]}"

    return MARKED.sub(anew, text)


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
