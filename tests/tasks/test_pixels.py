from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from PIL import Image

from martlet.data.scenes.labels import LabelMap
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.samples import label_pixels
from martlet.data.scenes.scene import Scene
from martlet.data.split import Split
from martlet.tasks import find, pixels
from martlet.tasks.task import Scored

# Three classes: 4 of 5, 1 of 2 and 3 of 3 are right.
TRUTH = np.array([0, 0, 0, 0, 0, 1, 1, 2, 2, 2])
ANSWERS = np.array([0, 0, 0, 0, 1, 1, 2, 2, 2, 2])
CLASSES = ("a", "b", "c")


def scored() -> dict[str, Any]:
    found = pixels.evaluate(np.eye(3, dtype=np.float32)[ANSWERS] * 5, TRUTH, CLASSES)
    return {"part": "test", "noun": "pixels", **found.metrics}


def test_overall_and_average_accuracy_and_kappa() -> None:
    metrics = scored()
    assert metrics["top1"] == pytest.approx(0.8)
    assert metrics["balanced_top1"] == pytest.approx((0.8 + 0.5 + 1) / 3)
    expected = (5 * 4 + 2 * 2 + 3 * 4) / 100  # agreement by chance
    assert metrics["kappa"] == pytest.approx((0.8 - expected) / (1 - expected))


def test_kappa_of_one_class_alone_is_left_out() -> None:
    found = pixels.evaluate(np.eye(3, dtype=np.float32)[[0, 0]], np.array([0, 0]), CLASSES)
    assert "kappa" not in found.metrics
    told = pixels.told("net", {"part": "test", "noun": "pixels", **found.metrics})
    assert told[1] == "Overall accuracy 100\u00a0%, average accuracy over the classes 100\u00a0%."


def test_the_result_in_the_words_of_the_field() -> None:
    told = pixels.told("net", scored())
    assert told[0].startswith("net names 8 of 10 test pixels right: 80.0\u00a0% (95")
    assert told[1].endswith("average accuracy over the classes 76.7\u00a0%, kappa 0.688.")
    assert told[-1] == pixels.ALIKE
    assert "optimistic" not in " ".join(told)


def test_optimistic_stands_with_each_figure_where_it_is_due() -> None:
    told = pixels.told("net", {**scored(), "caution": "The random split is optimistic."})
    assert told[0].endswith(
        "80.0\u00a0% (optimistic; 95\u00a0% interval 49.0\u00a0% to 94.3\u00a0%)."
    )
    assert told[1].endswith("kappa 0.688 (optimistic).")
    assert "The random split is optimistic." in told


def test_the_pictures_of_a_scene(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    labels = np.zeros((8, 9), np.int32)
    labels[:, :3], labels[:, 3:6] = 5, 2
    scene = Scene(Path("scene"), generator.normal(size=(8, 9, 7)))
    given = LabelMap(Path("gt"), labels, {2: "two", 5: "five"}, {5: (1, 2, 3)})
    samples = label_pixels(scene, given)
    train, val, test, *_ = (tuple(range(start, 48, 4)) for start in range(4))
    split = Split(train, val, test, tuple(samples.digests))
    targets = np.array([samples.labels[i] for i in test])
    found = pixels.evaluate(np.eye(2, dtype=np.float32)[1 - targets], targets, samples.classes)
    kind: Any = ScenePreprocess()
    pixels.draw(found, Scored(samples, test, samples.classes, kind, tmp_path, split))
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {
        *("confusion.png", "scene.png", "truth.png", "split.png", "errors.png", "spectra.png")
    }
    told = {}
    for name in names:
        with Image.open(tmp_path / name) as picture:
            told[name] = picture.text["Description"]
            if name == "truth.png":  # in the colour of the label map's file
                colours = [rgb for _, rgb in picture.convert("RGB").getcolors(1 << 20) or []]
                assert (1, 2, 3) in colours
    assert told["errors.png"].startswith(
        "12 of 12 pixels are named wrong (100\u00a0%). 36 labelled"
    )
    assert told["split.png"] == (
        "Labelled pixels: training 12, validation 12, test 12, left out (guard) 12."
    )
    assert told["confusion.png"].startswith("0 of 12 pixels are on the diagonal.")
    assert told["scene.png"] == "False colours: bands 5, 4, 2 of 7 as red, green, blue."


def test_other_samples_get_the_confusion_alone(tmp_path: Path) -> None:
    found = pixels.evaluate(np.eye(3, dtype=np.float32)[ANSWERS], TRUTH, CLASSES)
    given: Any = SimpleNamespace(kind="cube")
    pixels.draw(found, Scored(given, range(10), CLASSES, given, tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["confusion.png"]
    assert find("pixels") is pixels.PIXELS
