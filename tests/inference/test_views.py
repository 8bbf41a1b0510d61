from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import martlet
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.views import VIEWS, Views, views
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.inference.network import Network
from martlet.inference.views import over_views
from martlet.workflows.run_folder import Run

PREPROCESS = Preprocess(size=4, mean=(0.0,) * 3, std=(1.0,) * 3)


def corner(batch: np.ndarray) -> np.ndarray:
    """Answers with the upper left corner of each input."""
    return batch[:, :, 0, 0]


def network(preprocess: Any = PREPROCESS, **options: Any) -> Network:
    header = {"classes": ["r", "g", "b"], "preprocess": preprocess.to_dict()}
    return Network(corner, Path("net"), header, **options)


@pytest.mark.parametrize("concurrent", [False, True])
@pytest.mark.parametrize("tta", ["flip", "crops"])
def test_answers_are_means_over_views(tmp_path: Path, concurrent: bool, tta: Views) -> None:
    pictures = []
    for number in range(5):
        pixels = np.random.default_rng(number).integers(0, 256, (9, 12, 3), np.uint8)
        pictures.append(tmp_path / f"{number}.png")
        Image.fromarray(pixels).save(pictures[-1])
    pictures.append(tmp_path / "none.png")
    *answers, bad = over_views(network(concurrent=concurrent), tta).predict(pictures, top=3)
    assert bad.error
    for path, answer in zip(pictures, answers, strict=False):
        seen = views(PREPROCESS.resize(Image.open(path)), PREPROCESS, tta)
        assert len(seen) == VIEWS[tta]
        logits = corner(PREPROCESS.normalise(seen)).mean(axis=0)
        expected = torch.from_numpy(logits).softmax(0)
        found = dict(answer.top)
        np.testing.assert_allclose([found[name] for name in "rgb"], expected, rtol=1e-5)


def test_one_view_is_the_network_itself_and_other_data_have_one() -> None:
    assert over_views(plain := network(), "none") is plain
    recordings = SeriesPreprocess(("x",), 50.0, 8, 4, mean=(0.0,), std=(1.0,))
    with pytest.raises(
        MartletError, match=r"^tta='flip' is for pictures, and net takes other data"
    ):
        over_views(network(recordings), "flip")


def test_evaluate_and_predict_take_it(trained: Run, exported: Path, photos: Path) -> None:
    for file in (trained.folder, exported):
        plain = martlet.evaluate(file, photos, split="all", quiet=True)
        scored = martlet.evaluate(file, photos, split="all", quiet=True, tta="crops")
        assert scored["tta"] == "crops"
        assert scored["loss"] != plain["loss"]
        (answer,) = martlet.predict(file, photos / "red" / "001.png", tta="flip")
        (alone,) = martlet.predict(file, photos / "red" / "001.png")
        assert answer.label == alone.label == "red"  # type: ignore[union-attr]
        assert answer != alone


@pytest.mark.slow
def test_the_last_score_of_training_is_that_of_evaluate(
    photos: Path, quick: Callable[..., Run]
) -> None:
    run = quick(epochs=1, tta="flip", flip=False)
    assert run.metrics["tta"] == "flip"
    assert 0 <= run.metrics["one_view_top1"] <= 1
    page = " ".join((run.folder / "report.html").read_text(encoding="utf-8").split())
    assert "the mean over 2 views of each picture" in page
    assert "training mirrored nothing: where left and right mean something" in page
    again = martlet.evaluate(run.folder, photos, tta="flip", quiet=True)
    assert again["loss"] == pytest.approx(run.metrics["loss"], abs=1e-4)
    assert martlet.evaluate(run.folder, photos, quiet=True)["loss"] != again["loss"]
