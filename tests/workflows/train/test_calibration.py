"""A temperature and a threshold, from the end of training to every file that predicts."""

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

import martlet
from martlet import Run
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.measuring.accuracy import evaluation
from martlet.tasks.prediction import softmax
from martlet.tasks.rejection import ENERGY, UNKNOWN, USUAL, Unknown, fit_unknown, score
from martlet.tasks.temperature import fit_temperature
from martlet.training import checkpoint
from martlet.workflows.open_network import open_network
from martlet.workflows.train.calibration import FIGURES, believed, draw_calibration, fitted

MANY = {"val": 0.7, "test": 0.1}  # of 36 pictures 24 are of the validation part
WARM = 2.5


def raw_logits(run: Path, pictures: list[Path]) -> np.ndarray:
    """As the weights give them."""
    model, header = checkpoint.load_model(run)
    with torch.inference_mode():
        inputs = np.stack([header.preprocess(picture) for picture in pictures])
        return np.asarray(model(torch.from_numpy(inputs)).numpy())


@pytest.mark.slow
def test_a_run_that_was_killed_fits_the_same(quick: Callable[..., Run]) -> None:
    whole = quick(name="whole", **MANY)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("martlet.training.state.State.end_epoch", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):  # killed at the end of the first epoch
            quick(name="broken", **MANY)
    again = quick(name="broken", resume=True, **MANY)
    header, other = (checkpoint.load_header(run.checkpoint) for run in (whole, again))
    assert header.unknown is not None
    assert (header.temperature, header.unknown) == (other.temperature, other.unknown)


def test_training_fits_both_on_its_validation_part(quick: Callable[..., Run], photos: Path) -> None:
    whole = quick(**MANY)
    header = checkpoint.load_header(whole.checkpoint)
    rows = json.loads((whole.folder / "split.json").read_text())["val"]
    logits = raw_logits(whole.folder, [photos / row[0] for row in rows])
    labels = np.array([header.classes.index(row[0].split("/")[0]) for row in rows])
    expected = fit_temperature(logits, labels)
    assert header.temperature == pytest.approx(expected.value, rel=1e-3)
    assert header.unknown is not None
    rejected = header.unknown.is_unknown(logits / np.float32(header.temperature)).sum()
    assert rejected == int(0.05 * 24)
    assert header.unknown.samples == len(rows) == 24


@pytest.mark.slow
def test_without_a_validation_part_none_is_fitted_and_it_is_said(quick: Callable[..., Run]) -> None:
    run = quick(val=0)
    header = checkpoint.load_header(run.checkpoint)
    assert (header.temperature, header.unknown) == (1, None)
    page = (run.folder / "report.html").read_text(encoding="utf-8")
    assert "not calibrated: there is no validation part to fit a temperature on" in page


@pytest.mark.slow
def test_another_share_is_fitted_when_a_run_is_scored_again(quick: Callable[..., Run]) -> None:
    shares = []
    for options in ({}, {"reject": 0.25, "resume": True}):
        run = quick(epochs=1, **MANY, **options)
        unknown = checkpoint.load_header(run.checkpoint).unknown
        assert unknown is not None
        shares.append((unknown.share, unknown.below))
    assert [share for share, _ in shares] == [0.05, 0.25]
    assert shares[0][1] < shares[1][1]


@pytest.fixture(scope="module")
def warm(trained: Run, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run as if it had found a temperature, and a threshold that half lie below."""
    folder = Path(shutil.copytree(trained.folder, tmp_path_factory.mktemp("warm") / "run"))
    tensors, header = checkpoint.load(folder / "model.safetensors")
    scores = score(ENERGY, raw_logits(folder, sorted(photos.rglob("*.png"))) / np.float32(WARM))
    unknown = Unknown(ENERGY, float(np.median(scores)), 0.5, len(scores))
    header = replace(header, temperature=WARM, unknown=unknown)
    checkpoint.save(folder / "model.safetensors", tensors, header)
    return folder


@pytest.fixture(scope="module", params=["checkpoint", pytest.param("onnx", marks=pytest.mark.slow)])
def file(
    request: pytest.FixtureRequest, warm: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """What predicts: the run as it is, or exported."""
    if request.param == "checkpoint":
        return warm
    return Path(martlet.export(warm, output=tmp_path_factory.mktemp("onnx") / "model.onnx").path)


def test_every_file_answers_with_logits_divided_by_the_temperature(
    warm: Path, file: Path, photos: Path
) -> None:
    pictures = sorted(photos.rglob("*.png"))[::5]
    expected = raw_logits(warm, pictures) / WARM
    network = open_network(file)
    inputs = np.stack([network.preprocess(picture) for picture in pictures])
    np.testing.assert_allclose(network.logits(inputs), expected, rtol=0, atol=1e-4)
    assert network.temperature == WARM
    assert network.unknown == checkpoint.load_header(warm / "model.safetensors").unknown
    sure = [answer.probability for answer in martlet.predict(file, pictures)]
    np.testing.assert_allclose(sure, softmax(expected).max(axis=1), atol=1e-4)
    if file.suffix == ".onnx":
        meta = {item.key: item.value for item in onnx.load(file).metadata_props}
        assert json.loads(meta["martlet"])["temperature"] == WARM
    else:
        assert martlet.load(file).temperature == WARM


def test_unknown_pictures_are_named_so_when_asked_and_the_best_guess_stays(
    warm: Path, file: Path, photos: Path
) -> None:
    pictures = sorted(photos.rglob("*.png"))
    plain = martlet.predict(warm, pictures)
    assert not any(answer.unknown for answer in plain)
    unknown = checkpoint.load_header(warm / "model.safetensors").unknown
    assert unknown is not None
    below = unknown.is_unknown(raw_logits(warm, pictures) / np.float32(WARM))
    assert below.sum() == 18
    found = martlet.predict(file, pictures, unknown=True)
    assert [answer.unknown for answer in found] == below.tolist()
    for answer, before in zip(found, plain, strict=True):
        assert answer.label == (UNKNOWN if answer.unknown else before.label)
        assert [label for label, _ in answer.top] == [label for label, _ in before.top]


def test_without_a_threshold_nothing_can_be_called_unknown(trained: Run, photos: Path) -> None:
    with pytest.raises(MartletError, match="has no threshold of unknown samples"):
        martlet.predict(trained.folder, photos / "red", unknown=True)


def test_evaluate_says_both_figures_and_the_share_of_unknown(
    warm: Path, trained: Run, photos: Path
) -> None:
    before = martlet.evaluate(trained.folder, photos, split="all", quiet=True)
    after = martlet.evaluate(warm, photos, split="all", quiet=True)
    assert after["uncalibrated"] == pytest.approx(
        {name: before[name] for name in FIGURES}, abs=1e-5
    )
    assert after["ece"] != before["ece"]
    assert (after["top1"], after["temperature"]) == (before["top1"], WARM)
    assert after["unknown"]["found"] == pytest.approx(0.5, abs=1 / 36)
    assert (before["temperature"], "uncalibrated" in before) == (1, False)


def test_figures_of_chosen_logits() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(200, 3)).astype(np.float32)
    labels = logits.argmax(axis=1)
    labels[:60] = generator.integers(0, 3, 60)
    header = checkpoint.Header(
        checkpoint.Network("tiny", 3, 3, False), ("a", "b", "c"), Preprocess(size=8), None
    )
    found, told = fitted(header, (logits, labels), 0.1)
    assert told == {"calibrated_on": 200}
    assert found.unknown == fit_unknown(USUAL, logits / np.float32(found.temperature), 0.1)
    cool = logits / np.float32(found.temperature)
    figures = believed(cool, labels, "abc", found.temperature, found.unknown)
    after = evaluation(cool, labels, "abc").metrics
    assert after["loss"] < figures["uncalibrated"]["loss"]
    assert figures["unknown"]["found"] == 0.1


def test_a_diagram_is_drawn_of_enough_samples_and_an_earlier_one_does_not_stay(
    tmp_path: Path,
) -> None:
    logits = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float32)
    path = tmp_path / "reliability.png"
    draw_calibration(logits, logits.argmax(axis=1), 2.0, path)
    assert path.exists()
    draw_calibration(logits[:9], logits[:9].argmax(axis=1), 2.0, path)
    assert not path.exists()
