"""The page of an experiment: complete in itself, with all that it was given."""

from dataclasses import replace
from pathlib import Path

from martlet.report.experiment_figure import Names, Point, draw_experiment
from martlet.report.experiment_page import ExperimentPage, write_experiment_page

PAGE = ExperimentPage(
    title="The channel <shuffle>",
    source="A paper, Table 3",
    asks="Does it help?",
    size="small",
    summary="Of 2 claims 1 hold.",
    caveat="Small pictures.",
    findings=["It helps: holds by 3.2 points.", "By more: no difference at this size."],
    head=["", "error, %", "paper"],
    body=[["with", "30.1", "32.6"], ["without", "33.3", "34.5"]],
    picture=None,
    settings={"epochs": 8, "seeds": 3},
    machines={"cpu": "One (3 runs), Another (1 runs)"},
    command="martlet reproduce one --data 'a b'",
)


def test_all_of_it_is_there(tmp_path: Path) -> None:
    write_experiment_page(tmp_path / "page.html", PAGE)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "The channel &lt;shuffle&gt;" in text
    for part in (PAGE.source, PAGE.asks, PAGE.summary, PAGE.caveat, *PAGE.findings):
        assert part in text
    for cell in ("30.1", "34.5", "without"):
        assert f">{cell}</t" in text
    assert "martlet reproduce one --data &#39;a b&#39;" in text
    assert "<script" not in text
    assert "<img" not in text


def test_the_picture_lies_inside(tmp_path: Path) -> None:
    picture = tmp_path / "a.png"
    draw_experiment([Point("a", 1e6, 30.0)], Names("here", "there"), picture, "Title", "A caption.")
    write_experiment_page(tmp_path / "page.html", replace(PAGE, picture=picture))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert 'src="data:image/png;base64,' in text
    assert "A caption." in text
