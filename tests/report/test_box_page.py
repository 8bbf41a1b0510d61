"""The page of a run that learnt boxes: complete in itself, with all that it was given."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from martlet.measuring.box_errors import KINDS
from martlet.measuring.boxes import FIGURES
from martlet.report.box_page import BoxPage, write_box_page
from martlet.report.box_sheet import Box, BoxPicture, draw_boxes
from martlet.report.page import CostTotals

PAGE = BoxPage(
    name="a run",
    network="a_network, lite",
    told=["It found <most> of them.", "Six right."],
    figures={**{name: n / 20 for n, name in enumerate(FIGURES, 1)}, "ap_small": None},
    classes=["cat", "dog"],
    counts={"train": [3, 4], "test": [1, 0]},
    per_class=[
        {"class": "cat", "ap": 0.123, "ap50": 0.456, "boxes": 1},
        {"class": "dog", "ap": None, "ap50": None, "boxes": 0},
    ],
    mistakes={kind: n for n, kind in enumerate(KINDS)},
    pictures=[("boxes", "Pictures", Path("nowhere.png"), "Pictures with boxes")],
    cost=CostTotals(1000, 2000, 3000, (1, 3, 32, 32)),
    odd=["Boxes without area, dropped: 2."],
    seconds=12.0,
    recipe={"epochs": 3},
    machine={"cpu": "One"},
    command="martlet train photos --boxes 'a b'",
)


def test_all_of_it_is_there(tmp_path: Path) -> None:
    write_box_page(tmp_path / "page.html", PAGE)
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert "It found &lt;most&gt; of them." in text
    parts = ("a_network, lite", "Six right.", "Boxes without area, dropped: 2.", "12.3", "45.6")
    for part in (*parts, "1 × 3 × 32 × 32", "martlet train photos --boxes &#39;a b&#39;"):
        assert part in text, part
    assert "<dd>5.0</dd>" in text  # AP
    assert ">–</td>" in text  # nothing is small
    assert "<script" not in text
    assert "<img" not in text


def test_pictures_lie_inside(tmp_path: Path) -> None:
    sheet = [
        BoxPicture(np.zeros((9, 9, 3), np.uint8), (9, 9), [Box((1, 1, 5, 5), "right", "x")], "a")
    ]
    told = draw_boxes(sheet, tmp_path / "boxes.png")
    pictures = [("boxes", "Pictures", tmp_path / "boxes.png", "Pictures with boxes")]
    write_box_page(tmp_path / "page.html", replace(PAGE, pictures=pictures))
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    assert text.count("data:image/png;base64,") == 1
    assert told in text
