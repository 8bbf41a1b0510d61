"""Both protocols on a small scene: a run each, and wherever the figures stand, what they are."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import martlet
from martlet.api.evaluate import evaluate
from martlet.api.train import train
from martlet.console import network_tables, tables
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.workflows.run_folder import MAPS, SPECTRA, Run
from martlet.workflows.train.siblings import siblings

GIVEN: dict[str, Any] = {
    "model": "hybridsn_salinas",
    "components": 13,
    "window": 9,
    "train_share": 0.2,
    "epochs": 1,
    "batch_size": 32,
    "quiet": True,
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Fields of three classes with spectra of their own, and noise."""
    generator = np.random.default_rng(0)
    folder = tmp_path_factory.mktemp("scene")
    labels = np.kron(np.arange(12).reshape(3, 4) % 3, np.ones((9, 8), int))
    cube = (3 * generator.normal(size=(3, 16)))[labels] + generator.normal(size=(27, 32, 16))
    values = np.array([1, 10, 14], np.uint8)[labels]
    values[::9] = 0
    np.savez(folder / "scene.npz", scene=cube.astype(np.float32))
    np.save(folder / "gt.npy", values)
    (folder / "names.txt").write_text("1 water\n10 wood\n14 wheat\n")
    return {
        "data": folder / "scene.npz",
        "labels": folder / "gt.npy",
        "class_names": folder / "names.txt",
    }


@pytest.fixture(scope="module")
def both(files: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    return train(**files, **GIVEN, protocol="both", folder=folder, name="run")


def beside(run: Run) -> Path:
    return run.folder.parent / "run-random"


@pytest.mark.slow
def test_each_protocol_is_a_run_and_each_report_has_both(both: Run) -> None:
    assert both.folder.name == "run"
    for folder in (both.folder, beside(both)):
        names = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
        assert {*MAPS, SPECTRA, "curves.png", "confusion.png", "reliability.png"} == names
        page = (folder / "report.html").read_text()
        assert "Splits side by side" in page
        assert "random, optimistic (1 run)" in page
        assert all(title in page for title in MAPS.values())
    assert list(both.metrics["comparison"]) == [
        *("overall accuracy", "average accuracy", "kappa"),
        *("recall of water", "recall of wood", "recall of wheat"),
    ]
    assert both.metrics["protocol"]["test_in_windows"] == 0


@pytest.mark.slow
def test_optimistic_stands_wherever_a_random_splits_figures_do(
    both: Run, files: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    given = {"labels": files["labels"], "class_names": files["class_names"], "quiet": True}
    for folder, optimistic in ((both.folder, False), (beside(both), True)):
        header = checkpoint.load_header(folder / "model.safetensors")
        saved = json.loads((folder / "split.json").read_text())
        answer = evaluate(folder, files["data"], **given)
        capsys.readouterr()
        tables.evaluated(answer)
        printed = capsys.readouterr().out
        network_tables.shown(martlet.show(str(folder)))
        shown = capsys.readouterr().out
        page = (folder / "report.html").read_text()
        result = page[page.index('id="result"') : page.index('id="data"')]
        metrics = (header.metrics, saved, answer)
        assert [one.get("caution", "").count("optimistic") for one in metrics] == [optimistic] * 3
        assert {one["protocol"]["optimistic"] for one in metrics} == {optimistic}
        for text in (printed, shown, result):
            assert ("optimistic" in text) is optimistic
    inside = answer["protocol"]["test_in_windows"]
    assert 0 < inside <= answer["protocol"]["test"] == answer["pixels"]


@pytest.mark.slow
def test_the_test_pixels_of_the_run_are_scored_as_training_scored_them(
    both: Run, files: dict[str, Path]
) -> None:
    options = {"labels": files["labels"], "class_names": files["class_names"], "quiet": True}
    found = evaluate(both.folder, files["data"], **options)
    header = checkpoint.load_header(both.checkpoint)
    for name in ("pixels", "top1", "balanced_top1", "kappa", "per_class", "noun"):
        assert found[name] == header.metrics[name]
    split = json.loads((both.folder / "split.json").read_text())
    assert found["pixels"] == len(split["test"])
    assert "pictures" not in found
    left_out = sum(found["left_out"].values())
    assert left_out == sum(len(split[part]) for part in ("train", "val", "dropped"))
    with pytest.raises(MartletError, match="needs its label map"):
        evaluate(both.folder, files["data"], quiet=True)


@pytest.mark.slow
def test_siblings_have_the_same_data_network_and_recipe(both: Run, files: dict[str, Path]) -> None:
    header = checkpoint.load_header(both.checkpoint)
    names = lambda: [one["protocol"]["name"] for one in siblings(both.folder, header)]  # noqa: E731
    assert names() == ["disjoint", "random"]
    more = {**GIVEN, "train_share": 0.3}
    train(**files, **more, protocol="random", folder=both.folder.parent, name="other-share")
    train(**files, **GIVEN, seed=1, protocol="random", folder=both.folder.parent, name="seed")
    (both.folder.parent / "damaged").mkdir()
    (both.folder.parent / "damaged" / "model.safetensors").write_bytes(b"no")
    assert names() == ["disjoint", "random", "random"]


def test_a_folder_that_is_taken_is_said_before_anything_is_trained(
    files: dict[str, Path], tmp_path: Path
) -> None:
    (tmp_path / "run-random-seed1").mkdir()
    (tmp_path / "run-random-seed1" / "mine.txt").write_text("x")
    with pytest.raises(MartletError, match=r"run-random-seed1 exists already"):
        train(**files, **GIVEN, protocol="both", seeds=2, folder=tmp_path, name="run")
    assert [path.name for path in tmp_path.iterdir()] == ["run-random-seed1"]


def test_pictures_have_no_protocols(quick: Callable[..., Run]) -> None:
    for more in ({"seeds": 2}, {"protocol": "both"}):
        with pytest.raises(MartletError, match=r"is for scenes.*, and .* takes pictures"):
            quick(**more)


def test_recordings_are_not_split_in_both_ways(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"^protocol='both' is for scenes; give one of disjoint"):
        train(tmp_path, model="shufflenet_series", protocol="both")
