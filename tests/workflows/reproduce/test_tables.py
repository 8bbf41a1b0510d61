"""The table of an experiment, as CSV and as Markdown."""

import csv
import io

from martlet.report.experiment_page import ExperimentPage
from martlet.storage.csv_rows import as_text
from martlet.workflows.reproduce.experiment import Experiment, Row, Size
from martlet.workflows.reproduce.findings import Cell, Interval
from martlet.workflows.reproduce.tables import lines_of, markdown_of, paper_macs, table_of

ROWS = [
    Row(name="a|b", model="shufflenet_v2_x0_5", options={"shuffle": False}, paper=39.7, macs="41M"),
    Row(name="c", model="shufflenet_v2_x1_0"),
    Row(name="printed", paper=58.6, macs="42M"),
]
CELLS = [
    Cell(ROWS[0], Interval(30.123, 29.5, 30.7, 3), 341_792, 10_900_000, 5_000, 83.0),
    Cell(ROWS[1], None, 0, 0, 0, 0.0, failed="it burst"),
    Cell(ROWS[2], None, 0, 0, 0, 0.0),
]
EXPERIMENT = Experiment(
    name="one", title="One", source="Paper, Table 1", asks="Is it so?", unit="error, %",
    figure="error", rows=ROWS, claims=[], sizes={"small": Size(name="small", seeds=3)},
)  # fmt: skip


def test_csv_has_a_line_a_row_with_paper_and_ours() -> None:
    lines = list(csv.DictReader(io.StringIO(as_text(lines_of(EXPERIMENT, CELLS)))))
    assert [line["row"] for line in lines] == ["a|b", "c", "printed"]
    first = lines[0]
    assert (first["error"], first["low"], first["high"]) == ("30.12", "29.50", "30.70")
    assert (first["paper"], first["paper_macs"], first["options"]) == (
        "39.7",
        "41M",
        "shuffle=False",
    )
    assert (lines[1]["error"], lines[1]["seeds"], lines[1]["failed"]) == ("", "0", "it burst")
    assert (lines[2]["network"], lines[2]["paper"]) == ("", "58.6")


def test_markdown_shows_holes_and_why() -> None:
    head, *body = table_of(EXPERIMENT, CELLS)
    page = ExperimentPage(
        title="One", source="Paper, Table 1", asks="Is it so?", size="small", summary="", caveat="",
        findings=[], head=head, body=body, picture=None,
    )  # fmt: skip
    text = markdown_of(page, ["It is so.", "- yes"])
    assert text.startswith("# One, size small\n\nPaper, Table 1. Is it so?\n\n| ")
    assert "| a\\|b | 10.90M | 342k | 30.1 | 29.5 to 30.7 | 3 | 39.7 |" in text
    assert "| c |  |  | failed: it burst |  | 0 |  |" in text
    assert "| printed |  |  |  |  |  | 58.6 |" in text
    assert text.endswith("It is so.\n\n- yes\n")


def test_macs_are_those_that_the_paper_prints() -> None:
    assert paper_macs(ROWS[0]) == 41e6
    assert paper_macs(ROWS[1]) is None
    assert paper_macs(Row(name="x", paper=1.0)) is None
