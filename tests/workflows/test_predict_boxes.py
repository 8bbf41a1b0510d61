"""Boxes found in pictures: lists, drawn pictures and tables; and scored by `evaluate`."""

import csv
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests import boxed

import martlet
from martlet.console.answers import as_csv
from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.errors import MartletError
from martlet.inference import Network
from martlet.workflows.box_files import FoundBox, PictureBoxes
from martlet.workflows.predict_boxes import least_scores, predict_boxes

SIZE = 32
ROWS = [(0.0, 0.0, 16.0, 8.0, 0.9, 1.0), (8.0, 16.0, 32.0, 32.0, 0.4, 0.0), (1, 1, 9, 9, 0.1, 0.0)]


@pytest.fixture
def network() -> Network:
    """It finds the same boxes everywhere."""

    def run(batch: np.ndarray) -> np.ndarray:
        found = np.full((len(batch), 100, 6), -1.0, np.float32)
        found[:, : len(ROWS)] = ROWS
        return found

    header = {
        "classes": ["cat", "dog"], "preprocess": BoxPreprocess(size=SIZE).to_dict(),
        "task": "detection",
    }  # fmt: skip
    return Network(run, Path("x"), header)


def test_corners_are_those_of_the_picture(network: Network, tmp_path: Path) -> None:
    wide, high = (
        boxed.picture(tmp_path / "a.png", (64, 32)),
        boxed.picture(tmp_path / "b.png", (32, 96)),
    )
    (tmp_path / "c.png").write_bytes(b"no picture")
    found = predict_boxes(network, [wide, high, tmp_path / "c.png"], output=None, threshold=None)
    assert found[0].boxes == (
        FoundBox("dog", pytest.approx(0.9), 0, 0, 32, 8),  # type: ignore[arg-type]
        FoundBox("cat", pytest.approx(0.4), 16, 16, 64, 32),  # type: ignore[arg-type]
    )
    assert found[1].boxes[0][2:] == (0, 0, 16, 24)
    assert found[2].boxes == ()
    assert found[2].error is not None
    assert [one.picture for one in found] == [None] * 3
    assert json.dumps([one.to_dict() for one in found])
    assert len(predict_boxes(network, [wide], output=None, threshold=0.05)[0].boxes) == 3
    with pytest.raises(MartletError, match=r"^threshold=1\.5 is not accepted; give 0 to 1\.$"):
        predict_boxes(network, [wide], output=None, threshold=1.5)


def test_what_is_written(network: Network, tmp_path: Path) -> None:
    given = tmp_path / "given"
    pictures = [boxed.picture(given / name, (64, 32)) for name in ("a.png", "a.jpg")]
    found = predict_boxes(network, pictures, output=tmp_path / "out", threshold=None)
    names = [one.picture.name for one in found if one.picture]
    assert names == ["a_boxes.png", "a-2_boxes.png"]
    with Image.open(tmp_path / "out" / "a_boxes.png") as image:
        assert image.size == (64, 32)
        assert image.info["Description"] == "Boxes found in a.png: dog (0.90), cat (0.40)."
        drawn = np.asarray(image)
    with Image.open(pictures[0]) as image:
        assert not np.array_equal(drawn, np.asarray(image.convert("RGB")))
    with (tmp_path / "out" / "boxes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4
    first = rows[0]["label"], rows[0]["right"], rows[0]["path"]
    assert first == ("dog", "32.0", str(pictures[0]))
    results = json.loads((tmp_path / "out" / "boxes.json").read_text(encoding="utf-8"))
    assert [line["image_id"] for line in results] == [0, 0, 1, 1]
    assert results[1]["bbox"] == [16, 16, 48, 16]
    assert (results[1]["category_id"], results[1]["category"]) == (0, "cat")
    images = [{"id": 70, "file_name": "a.jpg"}]
    coco = boxed.text(tmp_path / "coco.json", json.dumps(boxed.coco_of(["a"], images=images)))
    predict_boxes(network, pictures[1:], output=tmp_path / "ids", threshold=None, coco_ids=coco)
    results = json.loads((tmp_path / "ids" / "boxes.json").read_text(encoding="utf-8"))
    assert [line["image_id"] for line in results] == [70, 70]
    assert [line["category_id"] for line in results] == [2000007, 3]
    with pytest.raises(
        MartletError, match=r"^coco_ids='.*coco\.json' is for boxes\.json, which ne"
    ):
        predict_boxes(network, pictures, output=None, threshold=None, coco_ids=coco)
    again = [boxed.picture(given / "a_boxes.png"), given / "a.png"]
    with pytest.raises(MartletError, match="would be written over"):
        predict_boxes(network, again, output=given, threshold=None)


def test_thresholds_of_single_classes(network: Network, tmp_path: Path) -> None:
    picture = boxed.picture(tmp_path / "a.png")
    (every,) = predict_boxes(network, [picture], output=None, threshold=0.0)
    kinds = {box.label for box in every.boxes}
    assert kinds == set(network.classes)
    first, *others = sorted(kinds)
    (some,) = predict_boxes(network, [picture], output=None, threshold=0.0, per_class={first: 1.0})
    assert {box.label for box in some.boxes} == set(others)
    rest = dict.fromkeys(others, 1)
    (one,) = predict_boxes(network, [picture], output=None, threshold=0.0, per_class=rest)
    assert {box.label for box in one.boxes} == {first}
    named = least_scores(("red=1", "b"), 0.3, {"red": "1=0.25"})  # as a command line has it
    assert named == {"red=1": 0.25, "b": 0.3}
    for per_class, sentence in (
        ({"nobody": 0.5}, r"^per_class: class 'nobody' is not known; "),
        ({first: 1.5}, rf"^per_class {first}=1\.5 is not accepted; give 0 to 1\.$"),
        ({first: "low"}, rf"^per_class {first}=low is not accepted"),
        ({first: float("nan")}, "=nan is not accepted"),
    ):
        with pytest.raises(MartletError, match=sentence):
            predict_boxes(network, [picture], output=None, threshold=None, per_class=per_class)


def test_comma_separated_values() -> None:
    box = FoundBox("red", 0.5, 1.25, 2, 30, 40)
    pictures = [PictureBoxes("a.png", (box,)), PictureBoxes("b.png"), PictureBoxes("c", error="no")]
    assert as_csv(pictures).splitlines() == [  # type: ignore[arg-type]
        "path,error,label,score,left,top,right,bottom",
        "a.png,,red,0.5,1.25,2,30,40",
        "b.png,,,,,,,",
        "c,no,,,,,,",
    ]


def test_nothing_found_is_written_too(network: Network, tmp_path: Path) -> None:
    picture = boxed.picture(tmp_path / "a.png")
    predict_boxes(network, [picture], output=tmp_path / "out", threshold=1.0)
    text = (tmp_path / "out" / "boxes.csv").read_text(encoding="utf-8")
    assert text == "path,label,score,left,top,right,bottom\n"
    assert (tmp_path / "out" / "boxes.json").read_text(encoding="utf-8") == "[]"


def learnt_by(detector: str, root: Path) -> SimpleNamespace:
    pictures, annotations = boxed.voc(root / "data")
    run = martlet.train(
        pictures, boxes=annotations, model="shufflenet_v2_x0_5", detector=detector, image_size=64,
        epochs=1, batch_size=2, workers=0, log="none", quiet=True, folder=root / "runs",
    )  # fmt: skip
    return SimpleNamespace(pictures=pictures, annotations=annotations, run=run)


@pytest.fixture(scope="module")
def learnt(tmp_path_factory: pytest.TempPathFactory) -> SimpleNamespace:
    return learnt_by("lite", tmp_path_factory.mktemp("boxes"))


def test_a_run_predicts_and_is_scored(
    learnt: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    found = martlet.predict(learnt.run.folder, [learnt.pictures], threshold=0.0)
    assert len(found) == 4
    assert all(one.error is None for one in found)
    metrics = martlet.evaluate(
        learnt.run.folder, learnt.pictures, boxes=learnt.annotations, split="all", quiet=True
    )
    assert (metrics["pictures"], metrics["boxes"]) == (4, 6)
    again = martlet.evaluate(
        learnt.run.folder, learnt.pictures, boxes=learnt.annotations, quiet=True
    )
    for name in ("ap", "ap50", "boxes"):
        assert again[name] == learnt.run.metrics[name]
    from martlet.console import tables

    tables.predicted(found)
    tables.evaluated(metrics)
    told = capsys.readouterr().out
    assert "AP50" in told
    assert "missed" in told


@pytest.mark.parametrize(
    ("options", "output"),
    [
        pytest.param({}, "model.onnx", id="selected"),
        pytest.param({"raw": True}, "raw.onnx", id="raw", marks=pytest.mark.long),
        pytest.param({"format": "c"}, "c", id="c", marks=pytest.mark.slow),
    ],
)
def test_what_is_exported_finds_the_same_boxes(
    learnt: SimpleNamespace, options: dict[str, Any], output: str, tmp_path: Path
) -> None:
    found_by_file(learnt, tmp_path / output, **options)


@pytest.mark.long
def test_of_anchors_too(tmp_path: Path) -> None:
    learnt = learnt_by("ssdlite", tmp_path)
    found_by_file(learnt, tmp_path / "model.onnx")
    found_by_file(learnt, tmp_path / "raw.onnx", raw=True)
    found_by_file(learnt, tmp_path / "c", format="c")


@pytest.mark.long
def test_two_stages_are_found_and_not_exported(tmp_path: Path) -> None:
    learnt = learnt_by("faster_rcnn_mobile", tmp_path)
    found = martlet.predict(learnt.run.folder, [learnt.pictures], threshold=0.0)
    assert all(one.error is None for one in found)
    for name, options in (("a.onnx", {}), ("b.onnx", {"raw": True}), ("c", {"format": "c"})):
        with pytest.raises(MartletError, match="is not exported, for its second stage"):
            martlet.export(learnt.run.folder, output=tmp_path / name, **options)
        assert not (tmp_path / name).exists()
    assert learnt.run.metrics["exported"] is False
    rows = martlet.measure(learnt.run.folder, seconds=0.01)
    assert [row.engine for row in rows] == ["torch"]
    with pytest.raises(MartletError, match="detector faster_rcnn_mobile is not exported"):
        martlet.measure(learnt.run.folder, engines=["torch", "c"], seconds=0.01)


def found_by_file(learnt: SimpleNamespace, file: Path, **options: Any) -> None:
    """What is exported with these options finds the boxes of the run."""
    martlet.export(learnt.run.folder, output=file, **options)
    ours, theirs = (
        martlet.predict(run, [learnt.pictures], threshold=0.05) for run in (learnt.run.folder, file)
    )
    assert sum(len(one.boxes) for one in ours) > 0
    for mine, other in zip(ours, theirs, strict=True):
        assert len(mine.boxes) == len(other.boxes)
        for box, same in zip(mine.boxes, other.boxes, strict=True):
            assert box.label == same.label
            np.testing.assert_allclose(box[1:], same[1:], atol=0.02)
    metrics = martlet.evaluate(
        file, learnt.pictures, boxes=learnt.annotations, split="all", quiet=True
    )
    assert metrics["boxes"] == 6


@pytest.mark.slow
def test_a_raw_file_compiles_and_is_timed(learnt: SimpleNamespace, tmp_path: Path) -> None:
    martlet.export(learnt.run.folder, output=tmp_path / "raw.onnx", raw=True)
    martlet.compile(tmp_path / "raw.onnx", out=tmp_path / "out", target="portable", build=False)
    assert "raw_boxes(" in (tmp_path / "out" / "raw_boxes.h").read_text(encoding="ascii")
    assert "RAW_SIDE" in (tmp_path / "out" / "raw_picture.h").read_text(encoding="ascii")
    rows = martlet.measure(learnt.run.folder, engines=["torch", "onnxruntime", "c"], seconds=0.01)
    assert [row.engine for row in rows] == ["torch", "onnxruntime", "c"]


def test_what_does_not_fit(learnt: SimpleNamespace) -> None:
    with pytest.raises(MartletError, match=r"^boxes is missing: the network finds boxes"):
        martlet.evaluate(learnt.run.folder, learnt.pictures, quiet=True)
    with pytest.raises(MartletError, match=r"^top=2 is for pictures, and .* takes boxes here"):
        martlet.predict(learnt.run.folder, [learnt.pictures], top=2)
    with pytest.raises(
        MartletError, match=r"^tile=8 is for HybridSN, which labels tiles; leave it"
    ):
        martlet.export(learnt.run.folder, tile=8)
    with pytest.raises(MartletError, match=r"^unknown=True is for networks that name classes"):
        martlet.predict(learnt.run.folder, [learnt.pictures], unknown=True)
