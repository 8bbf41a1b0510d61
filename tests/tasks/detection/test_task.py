"""Detection as a task: from rows of targets and of selected boxes to figures and sentences."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import boxed

from martlet import tasks
from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.boxes.read import read_boxes
from martlet.data.boxes.samples import BoxSamples
from martlet.errors import MartletError
from martlet.models.detectors import DETECTORS, OPTIMIZERS
from martlet.tasks.detection.task import (
    DETECTION,
    LOSSES,
    answers_of,
    targets,
    truth_of,
    validated,
)
from martlet.tasks.task import Scored

SIZE = 16


@pytest.fixture
def samples(tmp_path: Path) -> BoxSamples:
    listing = read_boxes(*boxed.coco(tmp_path))
    return BoxSamples.build(listing, BoxPreprocess(size=SIZE), max_bad=0.0, progress=None)


def right_answers(wanted: np.ndarray) -> np.ndarray:
    """What a network without a mistake puts out for these targets."""
    rows = np.full((len(wanted), 100, 6), -1.0, np.float32)
    for number, boxes in enumerate(wanted):
        real = boxes[boxes[:, 0] >= 0]
        rows[number, : len(real), :4] = real[:, 1:5]
        rows[number, : len(real), 4] = np.linspace(0.9, 0.6, len(real))
        rows[number, : len(real), 5] = real[:, 0]
    return rows


def test_it_is_found_by_its_name() -> None:
    assert tasks.find("detection") is DETECTION
    assert not DETECTION.calibrated
    assert DETECTION.counts(torch.zeros(1), torch.zeros(1)) == {}
    assert DETECTION.better({"val_ap": 0.3, "val_ap50": 0.1}) == (0.3,)


def test_targets_are_in_the_networks_numbering(samples: BoxSamples) -> None:
    assert DETECTION.outputs(samples) == samples.classes
    swapped = targets(samples, ("dog", "cat"))
    assert np.array_equal(swapped, samples.targets([1, 0]))
    with pytest.raises(MartletError, match="has classes that the network does not know: dog"):
        targets(samples, ("cat", "bird"))


def test_boxes_are_scored_in_the_pictures_own_pixels(samples: BoxSamples) -> None:
    wanted = samples.targets([0, 1])
    for number, name in enumerate(samples.names):
        truth = truth_of(wanted[number])
        right = np.array([box[1:] for box in boxed.TRUTH[Path(name).stem]]).reshape(-1, 4)
        np.testing.assert_allclose(truth.corners, right, atol=1e-5)
        found = answers_of(right_answers(wanted)[number], wanted[number, 0, 6:])
        np.testing.assert_allclose(found.corners, right, atol=1e-5)


def test_right_answers_have_every_figure(samples: BoxSamples, tmp_path: Path) -> None:
    wanted = samples.targets([0, 1])
    outputs = right_answers(wanted)
    found = DETECTION.evaluate(outputs, wanted, samples.classes)
    metrics = found.metrics
    assert metrics["ap"] == metrics["ap50"] == pytest.approx(1.0)
    assert (metrics["pictures"], metrics["boxes"]) == (4, 6)
    assert metrics["mistakes"]["right"] == 6
    assert sum(metrics["mistakes"].values()) == 6
    assert json.dumps(metrics)
    assert validated(outputs, wanted, samples.classes) == pytest.approx({"ap": 1.0, "ap50": 1.0})
    nothing = validated(np.full_like(outputs, -1), wanted, samples.classes)
    assert nothing == {"ap": 0.0, "ap50": 0.0}
    told = DETECTION.told("a_network", {**metrics, "part": "test"})
    assert told == [
        "a_network on the test part, 4 pictures with 6 boxes: AP 100.0, AP50 100.0, AP75 100.0.",
        "Boxes with a score of 0.3 or more: 6 right.",
    ]
    assert "chose the best epoch" in DETECTION.told("x", {**metrics, "part": "val"})[0]
    assert "no measure of new pictures" in DETECTION.told("x", {**metrics, "part": "train"})[0]


def test_every_detector_has_a_loss() -> None:
    assert set(LOSSES) == set(DETECTORS)
    assert set(OPTIMIZERS) <= set(DETECTORS)


def test_the_worst_pictures_are_drawn_first(samples: BoxSamples, tmp_path: Path) -> None:
    from PIL import Image

    from martlet.tasks.detection.task import sheet

    wanted = samples.targets([0, 1])
    outputs = right_answers(wanted)
    last = [Path(name).stem for name in samples.names].index("d")
    outputs[last] = -1.0  # three boxes are missed
    found = DETECTION.evaluate(outputs, wanted, samples.classes)
    scored = Scored(
        samples, range(4), samples.classes, BoxPreprocess(size=SIZE), tmp_path  # type: ignore[arg-type]
    )  # fmt: skip
    shown = sheet(found, scored)
    assert Path(shown[0].name).stem == "d"
    assert [box.kind for box in shown[0].boxes] == ["missed"] * 3
    assert shown[0].size == (boxed.WIDTH, boxed.HEIGHT)
    assert {box.kind for one in shown[1:] for box in one.boxes} == {"right"}
    DETECTION.draw(found, scored)
    for name in ("boxes.png", "precision.png"):
        with Image.open(tmp_path / name) as image:
            assert image.info["Description"]
