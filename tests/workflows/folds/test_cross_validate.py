"""How a fold's run is started, and gone on with; pictures in folds, from the verb."""

import os
import shutil
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from martlet.api.train import train
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.folds.cross_validate import command_of
from martlet.workflows.folds.finished import finished
from martlet.workflows.folds.out_of_fold import read_out_of_fold
from martlet.workflows.run_folder import Run, read_json
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import make_plan

SMALL: dict[str, Any] = {
    "model": "shufflenet_v2_x0_5",
    "image_size": 16,
    "epochs": 1,
    "batch_size": 8,
    "workers": 0,
    "quiet": True,
}


def test_a_fold_that_lost_its_weights_is_trained_again(tmp_path: Path) -> None:
    options = TrainOptions(
        model="shufflenet_series", cross_validate="2", resume=True, folder=tmp_path, name="cv"
    )
    plan = make_plan(tmp_path / "recordings", options)
    network = Network("shufflenet_series", 2, 3, False)
    header = Header(network, ("a", "b"), SeriesPreprocess(), options.filled(0.0, 9))

    def how(fold: int) -> list[str]:
        return [word for word in command_of(plan, fold) if word in ("--resume", "--overwrite")]

    def write(fold: int, name: str, content: Header) -> None:
        folder = plan.folder / f"fold-{fold}"
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(folder / name, {"x": torch.zeros(1)}, content)

    write(1, "resume.safetensors", header.with_state({"history": [{"epoch": 1}]}))
    assert how(1) == ["--overwrite"]
    write(1, "model.safetensors", header)
    assert how(1) == ["--resume"]
    write(2, "resume.safetensors", header.with_state({"history": []}))  # killed in its first epoch
    assert how(2) == ["--resume"]
    assert how(3) == ["--resume"]


def test_a_fold_that_was_stopped_between_epochs_is_not_finished(tmp_path: Path) -> None:
    """Its best weights so far carry the figures of their epoch."""
    network, path = Network("shufflenet_series", 2, 3, False), tmp_path / "model.safetensors"
    header = Header(network, ("a", "b"), SeriesPreprocess(), Recipe())
    assert not finished(tmp_path)
    for metrics, whole in (({"epoch": 1, "val_top1": 0.5}, False), ({"part": "test"}, True)):
        checkpoint.save(path, {"x": torch.zeros(1)}, header.with_metrics(metrics))
        assert finished(tmp_path) is whole


@pytest.fixture(scope="module")
def crossed(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """Three folds of the pictures, trained for an epoch; not to be written to."""
    folder = tmp_path_factory.mktemp("crossed")
    return train(photos, cross_validate="3", folder=folder, name="cv", **SMALL)


@pytest.mark.slow
def test_each_picture_is_held_out_once_and_its_answer_kept(crossed: Run, photos: Path) -> None:
    metrics, found = crossed.metrics, read_out_of_fold(crossed.folder)
    assert sorted(found.names) == sorted(
        p.relative_to(photos).as_posix() for p in photos.rglob("*.png")
    )
    assert found.classes.tolist() == ["blue", "green", "red"]
    assert [name.split("/")[0] for name in found.names] == found.classes[found.targets].tolist()
    assert found.logits.shape == (36, 3)
    assert np.bincount(found.folds).tolist() == [0, 12, 12, 12]
    right = found.logits.argmax(1) == found.targets
    assert metrics["top1"] == pytest.approx(right.mean())
    each = [right[found.folds == number].mean() for number in (1, 2, 3)]
    assert [fold["top1"] for fold in metrics["folds"]] == pytest.approx(each)
    assert metrics["top1_mean"] == pytest.approx(np.mean(each))
    assert metrics["top1_std"] == pytest.approx(np.std(each, ddof=1))
    assert np.sum(metrics["confusion"]) == metrics["pictures"] == 36
    for number in (1, 2, 3):
        parts = read_json(crossed.folder / f"fold-{number}" / "split.json")
        held = {row[0] for row in parts["test"]}
        assert held == set(found.names[found.folds == number])
        assert sorted(row[2] for row in parts["test"]) == ["blue"] * 4 + ["green"] * 4 + ["red"] * 4
        assert parts["val"]
        assert not held & {row[0] for part in ("train", "val") for row in parts[part]}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"epochs": 4}, r"other arguments \(then / now\): epochs: 1 / 4; resume with"),
        ({"lr": 0.5}, r"lr: 0.0125 / 0.5"),
        ({"image_size": 24}, r"size: 16 / 24"),
        ({"attention": "se"}, r"model_options: \{\} / \{'attention': 'se'\}"),
        ({"val": 0.3}, r"the pictures, or how they are split, are not those that .*fold-1"),
        ({"cross_validate": "4"}, r"or how they are split, are not those"),
    ],
)
def test_finished_folds_of_other_arguments_are_not_summed_up(
    crossed: Run, photos: Path, changed: dict[str, Any], sentence: str
) -> None:
    given = {"cross_validate": "3", **SMALL, **changed}
    with pytest.raises(MartletError, match=sentence):
        train(photos, folder=crossed.folder.parent, name="cv", resume=True, **given)


@pytest.mark.slow
def test_a_kill_costs_no_finished_fold(crossed: Run, photos: Path, tmp_path: Path) -> None:
    """Killed with all its processes behind the first fold, and gone on with."""
    place = {"folder": tmp_path, "name": "cv"}
    words = [
        f"--{name.replace('_', '-')}={value}" for name, value in SMALL.items() if name != "quiet"
    ]
    program = [sys.executable, "-m", "martlet", "train", str(photos), "--cross-validate=3"]
    program += [*words, f"--folder={tmp_path}", "--name=cv"]
    process = subprocess.Popen(program, start_new_session=True, stderr=subprocess.DEVNULL)
    while process.poll() is None and not any(finished(p) for p in tmp_path.glob("cv/fold-*")):
        time.sleep(0.01)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    done = [path for path in tmp_path.glob("cv/fold-*/model.safetensors") if finished(path.parent)]
    kept = {path: path.stat().st_mtime_ns for path in done}
    run = train(photos, cross_validate="3", resume=True, **place, **SMALL)
    assert kept
    assert all(path.stat().st_mtime_ns == when for path, when in kept.items())
    mine, theirs = (read_out_of_fold(one.folder) for one in (run, crossed))
    assert np.array_equal(mine.logits, theirs.logits)
    assert run.metrics == crossed.metrics


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"cross_validate": "13"},
            r"class 'blue' has no pictures in a fold: cross_validate='13' deals 12",
        ),
        (
            {"cross_validate": "subject"},
            "'subject' is not accepted; give a number of folds from 2, as 5",
        ),
        ({"cross_validate": 1}, "'1' is not accepted"),
        (
            {"cross_validate": 3, "teacher": nn.Linear(2, 3)},
            "in a process of its own, which cannot have the module Linear as teacher; give a run",
        ),
        ({"cross_validate": "3", "fold": 4}, r"fold=4 is not there; there are 3 folds"),
    ],
)
def test_folds_that_cannot_be(
    photos: Path, tmp_path: Path, options: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        train(photos, folder=tmp_path, name="cv", **SMALL, **options)
    assert not (tmp_path / "cv").exists()


@pytest.mark.parametrize("given", [{}, {"overwrite": True}, {"resume": True, "overwrite": True}])
def test_a_folder_of_something_else(photos: Path, tmp_path: Path, given: dict[str, bool]) -> None:
    (tmp_path / "cv" / "fold-1").mkdir(parents=True)
    (tmp_path / "cv" / "mine.txt").write_text("kept")
    told = r"cv holds 'mine\.txt', which no cross-validation wrote, and is neither gone on with nor"
    with pytest.raises(MartletError, match=told):
        train(photos, cross_validate=3, folder=tmp_path, name="cv", **SMALL, **given)
    assert (tmp_path / "cv" / "mine.txt").read_text() == "kept"


def test_given_parts_are_not_divided_again(photos: Path, tmp_path: Path) -> None:
    for part in ("train", "test"):
        shutil.copytree(photos, tmp_path / "parts" / part)
    with pytest.raises(MartletError, match="parts' itself, and it is given in parts"):
        train(tmp_path / "parts", cross_validate="3", folder=tmp_path, name="cv", **SMALL)
