"""What `predict` writes of boxes, read by others' code."""

import json
from pathlib import Path

import pytest
from faster_coco_eval import COCO, COCOeval_faster
from tests.boxed import TRUTH, coco_of, text

from martlet.errors import MartletError
from martlet.workflows.box_files import FoundBox, Ids, PictureBoxes, ids_of, write_tables

PATHS = [f"photos/{name}.png" for name in TRUTH]


def answers() -> list[PictureBoxes]:
    """The true boxes, as if they had been found."""
    return [
        PictureBoxes(path, tuple(FoundBox(label, 0.9, *corners) for label, *corners in boxes))
        for path, boxes in zip(PATHS, TRUTH.values(), strict=True)
    ]


def test_positions_without_a_file() -> None:
    assert ids_of(PATHS, ("cat", "dog"), None) == (range(4), range(2))


def test_results_go_with_their_annotations(tmp_path: Path) -> None:
    content = coco_of(list(TRUTH))
    for annotation in content["annotations"]:
        annotation["id"] += 1  # 0 is nobody there
        annotation["area"] = annotation["bbox"][2] * annotation["bbox"][3]
    annotations = text(tmp_path / "a.json", json.dumps(content))
    ids = ids_of(PATHS, ("cat", "dog"), annotations)
    assert ids.classes == [3, 2000007]
    write_tables(tmp_path, answers(), ("cat", "dog"), ids)
    truth = COCO(str(annotations))
    scored = COCOeval_faster(truth, truth.loadRes(str(tmp_path / "boxes.json")), "bbox")
    scored.run()
    assert scored.stats[0] == pytest.approx(1)


def test_a_file_that_names_others(tmp_path: Path) -> None:
    annotations = text(tmp_path / "a.json", json.dumps(coco_of(["a", "b"])))
    with pytest.raises(MartletError, match=r"has no image of the file_name 'c\.png'"):
        ids_of(PATHS, ("cat", "dog"), annotations)


def test_the_table_has_a_row_a_box(tmp_path: Path) -> None:
    write_tables(tmp_path, answers(), ("cat", "dog"), Ids(range(4), range(2)))
    rows = (tmp_path / "boxes.csv").read_text(encoding="utf-8").splitlines()
    assert rows[:2] == ["path,label,score,left,top,right,bottom", "photos/a.png,cat,0.9,5,5,15,15"]
    assert len(rows) == 1 + sum(map(len, TRUTH.values()))
