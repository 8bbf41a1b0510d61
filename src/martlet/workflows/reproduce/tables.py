"""An experiment's table as CSV, and as Markdown with what it shows."""

from collections.abc import Sequence

from martlet.models.spec import as_number
from martlet.report.experiment_page import ExperimentPage
from martlet.workflows.reproduce.experiment import Experiment, Row
from martlet.workflows.reproduce.findings import Cell
from martlet.workflows.reproduce.wording import number


def paper_macs(row: Row) -> float | None:
    """Multiply-adds as the paper prints them; None where it does not."""
    return as_number(row.macs) if row.macs else None


def lines_of(experiment: Experiment, cells: Sequence[Cell]) -> list[dict[str, str]]:
    """Each row as texts, by column."""
    lines = []
    for cell in cells:
        value, row = cell.value, cell.row
        options = ", ".join(
            f"{name}={given}" for name, given in {**row.options, **row.train}.items()
        )
        lines.append(
            {
                "row": row.name,
                "network": row.model or "",
                "options": options,
                "macs": str(cell.macs or ""),
                "params": str(cell.params or ""),
                "bytes_moved": str(cell.bytes_moved or ""),
                "seeds": str(value.seeds if value else 0),
                experiment.figure: f"{value.mean:.2f}" if value else "",
                "low": f"{value.low:.2f}" if value and value.low is not None else "",
                "high": f"{value.high:.2f}" if value and value.high is not None else "",
                "seconds": f"{cell.seconds:.0f}" if value else "",
                "paper": "" if row.paper is None else f"{row.paper:g}",
                "paper_macs": row.macs or "",
                "failed": cell.failed,
            }
        )
    return lines


def table_of(experiment: Experiment, cells: Sequence[Cell]) -> list[list[str]]:
    """The table for people, its head first."""
    figure = f"{experiment.figure}, %"
    printed = any(cell.row.paper is not None for cell in cells)
    head = ["", "MACs", "params", figure, "interval", "seeds"]
    head += [f"paper: {experiment.unit}"] * printed
    body = []
    for cell in cells:
        value, row = cell.value, cell.row
        between = ""
        if value and value.low is not None and value.high is not None:
            between = f"{number(value.low)} to {number(value.high)}"
        body.append(
            [
                row.name,
                f"{cell.macs / 1e6:.2f}M" if cell.macs else "",
                f"{cell.params / 1e3:.0f}k" if cell.params else "",
                number(value.mean) if value else _hole(cell),
                between,
                "" if row.model is None else str(value.seeds if value else 0),
                *["" if row.paper is None else f"{row.paper:g}"] * printed,
            ]
        )
    return [head, *body]


def markdown_of(page: ExperimentPage, told: Sequence[str]) -> str:
    """Title, question, table, and the paragraphs that are `told`."""
    lines = [
        "| " + " | ".join(_escaped(text) for text in line) + " |"
        for line in (page.head, ["---", *["---:"] * (len(page.head) - 1)], *page.body)
    ]
    title, about = f"# {page.title}, size {page.size}", f"{page.source}. {page.asks}"
    return "\n\n".join([title, about, "\n".join(lines), *told]) + "\n"


def _hole(cell: Cell) -> str:
    """What stands where no figure is; nothing for what is printed alone."""
    if cell.failed:
        return f"failed: {cell.failed}"
    return "" if cell.row.model is None else "–"


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
