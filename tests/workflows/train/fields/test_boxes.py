"""Pictures with boxes, trained from files to a report; and what does not fit, in a sentence."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from tests import boxed

import martlet
from martlet.errors import MartletError
from martlet.models.detectors import Lite
from martlet.training import checkpoint, loop
from martlet.workflows.run_folder import Run

COLOURS = {"red": (220, 40, 40), "blue": (40, 40, 220)}


@pytest.fixture(scope="module")
def squares(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures of coloured squares on noise, as CSV."""
    root = tmp_path_factory.mktemp("squares")
    rng = np.random.default_rng(0)
    lines = ["path,xmin,ymin,xmax,ymax,label,part"]
    for number in range(24):
        pixels = rng.integers(60, 120, (64, 80, 3)).astype(np.uint8)
        part = "test" if number % 6 == 0 else "val" if number % 6 == 1 else "train"
        for name in list(COLOURS)[: 1 + number % 2]:
            side = int(rng.integers(16, 32))
            left, top = int(rng.integers(0, 80 - side)), int(rng.integers(0, 64 - side))
            pixels[top : top + side, left : left + side] = COLOURS[name]
            lines.append(f"{number}.png,{left},{top},{left + side},{top + side},{name},{part}")
        Image.fromarray(pixels).save(root / f"{number}.png")
    (root / "boxes.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return root


def trained(squares: Path, folder: Path, **options: Any) -> Run:
    given: dict[str, Any] = {
        "model": "shufflenet_v2_x0_5", "image_size": 64, "epochs": 2, "batch_size": 8,
        "workers": 0, "log": "none", "quiet": True, "folder": folder, "name": "run",
    }  # fmt: skip
    return martlet.train(squares, **({"boxes": squares / "boxes.csv"} | given | options))


def test_from_files_to_the_report(squares: Path, tmp_path: Path) -> None:
    run = trained(squares, tmp_path)
    metrics = run.metrics
    assert metrics["part"] == "test"
    assert metrics["pictures"] == 4
    assert metrics["boxes"] == sum(metrics["counts"]["test"])
    assert 0 <= metrics["ap"] <= metrics["ap50"] <= 1
    with (run.folder / "metrics.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 2
    assert {"train_loss", "val_ap", "val_ap50"} <= set(rows[0])
    for name in ("boxes.png", "precision.png", "curves.png", "report.html", "split.json"):
        assert (run.folder / name).exists(), name
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "shufflenet_v2_x0_5, lite" in page
    assert page.count("data:image/png;base64,") == 3
    model, header = checkpoint.load_model(run.folder)
    assert isinstance(model, Lite)
    assert (header.task, header.preprocess.kind) == ("detection", "boxes")
    assert header.classes == ("blue", "red")
    assert not header.network.small_input
    assert model(torch.zeros(1, 3, 64, 64)).shape[2] == 2 + 32
    assert json.dumps(metrics)


@pytest.mark.slow
@pytest.mark.parametrize(
    "detector",
    [
        "lite",
        pytest.param("ssdlite", marks=pytest.mark.long),
        pytest.param("faster_rcnn_mobile", marks=pytest.mark.long),
    ],
)
def test_a_run_that_was_killed_goes_on_to_the_same_weights(
    squares: Path, tmp_path: Path, detector: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last draws samples in the network itself, by torch's generator."""
    options: dict[str, Any] = {"epochs": 3, "mosaic": 0.3, "detector": detector, "box_crop": 0.7}
    whole = trained(squares, tmp_path / "whole", **options)
    seen = []

    def killed(*given: Any, **more: Any) -> Any:
        seen.append(None)
        if len(seen) == 3:  # in the second epoch
            raise KeyboardInterrupt
        return step(*given, **more)

    step = loop.train_step
    monkeypatch.setattr(loop, "train_step", killed)
    with pytest.raises(KeyboardInterrupt):
        trained(squares, tmp_path / "half", **options)
    again = trained(squares, tmp_path / "half", **options, resume=True)
    for name in ("model.safetensors", "resume.safetensors"):
        mine, theirs = (checkpoint.load(run.folder / name)[0] for run in (again, whole))
        assert all(torch.equal(mine[key], theirs[key]) for key in theirs)


@pytest.mark.long
def test_squares_are_found(squares: Path, tmp_path: Path) -> None:
    run = trained(squares, tmp_path, epochs=60, batch_size=4, optimizer="muon")
    assert run.metrics["ap50"] > 0.4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"detector": "light"}, r"^detector 'light' is not known; did you mean lite"),
        ({"crop_scale": 0.5}, r"^crop_scale=0\.5 is for pictures, .* takes boxes here"),
        ({"model": "hybridsn"}, r"^image_size=64 is for pictures and boxes, and hybridsn takes sc"),
        ({"model_options": {"detector": "lite"}}, r"give detector itself\.$"),
        (
            {"balance": "weights"},
            "^balance='weights' is for tasks with classes, and detection has",
        ),
        ({"mixup": 0.2}, r"^mixup=0\.2 is for pictures, scenes and rec.* or leave boxes out\.$"),
        ({"box_crop": 1.5}, r"^box_crop=1\.5 is not accepted; give"),
        ({"label_smoothing": 0.3}, r"^label_smoothing=0\.3 is for pictures, scenes and recordings"),
        ({"freeze": "stem"}, r"^freeze='stem' is for pictures, scenes and recordings"),
        ({"few": True}, r"^few=True is for pictures, scenes and recordings"),
        ({"model_options": {"small_input": True}}, r"for pictures and scenes, and boxes are le"),
    ],
)
def test_what_does_not_fit(
    squares: Path, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        trained(squares, tmp_path, **options)


def test_going_on_with_another_detector_says_just_that(squares: Path, learnt: Run) -> None:
    with pytest.raises(MartletError, match=r"\(then / now\): detector: lite / ssdlite; resume"):
        trained(squares, learnt.folder.parent, epochs=1, detector="ssdlite", resume=True)


def test_a_class_that_is_in_no_training_picture(squares: Path, tmp_path: Path) -> None:
    table = tmp_path / "boxes.csv"
    lines = (squares / "boxes.csv").read_text(encoding="utf-8").splitlines()
    kept = [line.replace(",blue,val", ",green,val") for line in lines]
    table.write_text("\n".join(kept) + "\n", encoding="utf-8")
    with pytest.raises(
        MartletError, match=r"^class 'green' has no .* what there is lies in val: give train some"
    ):
        trained(squares, tmp_path, boxes=table)


def without_parts(squares: Path, folder: Path) -> Path:
    lines = (squares / "boxes.csv").read_text(encoding="utf-8").splitlines()
    whole = folder / "whole.csv"
    text = "\n".join(line.rpartition(",")[0] for line in lines)
    whole.write_text(f"{text}\n", encoding="utf-8")
    return whole


def test_folds_that_cannot_be(squares: Path, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"^class 'blue' has no pictures in a fold: .* deals 12"):
        trained(squares, tmp_path, boxes=without_parts(squares, tmp_path), cross_validate=13)
    with pytest.raises(MartletError, match=r"divides .* itself, and it is given in parts"):
        trained(squares, tmp_path, cross_validate=2)


@pytest.mark.long
def test_each_picture_is_held_out_once(squares: Path, tmp_path: Path) -> None:
    """The commonest class is the rarest one of no picture, and is dealt all the same."""
    whole = without_parts(squares, tmp_path)
    run = trained(squares, tmp_path, boxes=whole, cross_validate=2, epochs=1)
    metrics = json.loads((run.folder / "cross_validation.json").read_text(encoding="utf-8"))
    assert [row["pictures"] for row in metrics["folds"]] == [12, 12]
    assert sum(row["boxes"] for row in metrics["folds"]) == metrics["boxes"] == 36
    for name in ("ap", "ap50"):
        values = [row[name] for row in metrics["folds"]]
        assert metrics[f"{name}_range"] == [min(values), max(values)]
        assert metrics[f"{name}_mean"] == pytest.approx(sum(values) / 2)
    assert (run.folder / "precision.png").exists()
    for number in (1, 2):
        header = checkpoint.load_header(run.folder / f"fold-{number}" / "model.safetensors")
        assert header.metrics["ap"] == metrics["folds"][number - 1]["ap"]


def test_options_of_boxes_need_boxes(squares: Path) -> None:
    with pytest.raises(MartletError, match=r"^mosaic=0\.5 is for boxes, .*give annotations as box"):
        martlet.train(squares, model="shufflenet_v2_x0_5", mosaic=0.5, quiet=True)


def test_annotations_that_do_not_fit_are_said_before_anything_is_trained(tmp_path: Path) -> None:
    boxed.picture(tmp_path / "a.png")
    with pytest.raises(MartletError, match=r"a\.csv"):
        martlet.train(
            tmp_path, boxes=tmp_path / "a.csv", model="shufflenet_v2_x0_5", image_size=64,
            quiet=True, folder=tmp_path / "runs",
        )  # fmt: skip
    assert not (tmp_path / "runs").exists()


@pytest.fixture(scope="module")
def learnt(squares: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    return trained(squares, tmp_path_factory.mktemp("learnt"), epochs=1)


@pytest.mark.slow
def test_on_from_a_detector_with_other_classes(
    squares: Path, tmp_path: Path, learnt: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    other = tmp_path / "other.csv"
    text = (squares / "boxes.csv").read_text(encoding="utf-8")
    other.write_text(text.replace("blue", "sea"), encoding="utf-8")
    martlet.train(
        squares, boxes=other, weights=learnt.folder, epochs=1, image_size=64, batch_size=8,
        folder=tmp_path, log="none", workers=0,
    )  # fmt: skip
    said = capsys.readouterr().err
    assert "the classifier is new, since that of the weights knows blue, red" in said


def test_a_network_of_classes_becomes_the_backbone(
    squares: Path, tmp_path: Path, trained_on_classes: Run
) -> None:
    run = trained(squares, tmp_path, weights=trained_on_classes.folder, lr=1e-9, muon_lr=1e-9,
                  epochs=1, model=None)  # fmt: skip
    mine, _ = checkpoint.load(run.checkpoint)
    theirs, _ = checkpoint.load(trained_on_classes.checkpoint)
    same = [name for name in theirs if name.endswith("conv.weight") and f"backbone.{name}" in mine]
    assert len(same) > 30
    for name in same:
        torch.testing.assert_close(mine[f"backbone.{name}"], theirs[name], atol=1e-5, rtol=0)


@pytest.fixture(scope="module")
def trained_on_classes(tmp_path_factory: pytest.TempPathFactory) -> Run:
    root = tmp_path_factory.mktemp("classes")
    rng = np.random.default_rng(0)
    for name, colour in COLOURS.items():
        for number in range(12):
            pixels = (rng.integers(0, 40, (64, 64, 3)) + colour).clip(0, 255).astype(np.uint8)
            (root / "data" / name).mkdir(exist_ok=True, parents=True)
            Image.fromarray(pixels).save(root / "data" / name / f"{number}.png")
    return martlet.train(
        root / "data", model="shufflenet_v2_x0_5", image_size=64, small_input=False, epochs=1,
        batch_size=8, folder=root / "runs", workers=0, log="none", quiet=True,
    )  # fmt: skip


def test_what_a_detector_is_not_for(squares: Path, tmp_path: Path, learnt: Run) -> None:
    run = learnt.folder
    one = [squares / "0.png"]
    for verb, sentence in (
        (lambda: martlet.explain(run, one), "takes boxes, and explain is for pictures; predict wi"),
        (lambda: trained(squares, tmp_path, teacher=run), "^teacher=.* answers with classes, and"),
        (lambda: martlet.train(squares, weights=run), "finds boxes, and classes are learnt here"),
    ):
        with pytest.raises(MartletError, match=sentence):
            verb()
