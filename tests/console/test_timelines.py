"""What a terminal, and a table for programs, are told of timelines."""

from pathlib import Path

from rich.console import Console

from martlet.console.answers import as_csv
from martlet.console.tables import predicted
from martlet.workflows.predict_series import Segment, Timeline

FOUND = [
    Timeline("a.csv", Path("out"), "s", (Segment("a.csv", 0.0, 2.5, "walk", 0.75),)),
    Timeline("b.csv", error="'b.csv' does not exist."),
]


def test_a_row_for_each_segment() -> None:
    console = Console(width=120)
    with console.capture() as caught:
        predicted(FOUND, console)
    text = caught.get()
    assert "a.csv: 1 segments in out" in text
    assert "walk" in text
    assert "75.0%" in text
    assert "b.csv: 'b.csv' does not exist." in text


def test_csv_has_a_row_for_each_segment_and_each_error() -> None:
    assert as_csv(FOUND).splitlines() == [
        "path,error,recording,start,stop,unit,label,probability",
        "a.csv,,a.csv,0.0,2.5,s,walk,0.75",
        "b.csv,'b.csv' does not exist.,,,,,,",
    ]
