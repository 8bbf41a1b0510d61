import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.storage.claim import claimed
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.run_folder import Run, check_folder, new_run

OURS = ["events.out.tfevents.1", "metrics.csv", "model.onnx", "model.safetensors", "report.html"]
COMPILED = ["c/net.c", "c/net.json", "c/net_layers.csv", "model/net.json", "model/net.so"]
STRANGERS = ["c/notes.txt", "d/net.json", "notes.txt", "model2.onnx"]


def files(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


def test_a_new_run_leaves_nothing_of_the_old_one_that_is_ours(tmp_path: Path) -> None:
    for name in [*OURS, *COMPILED, *STRANGERS]:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(json.dumps({"made_by": "martlet compile"}))
    before = files(tmp_path)
    with pytest.raises(MartletError, match="No space left"), new_run(tmp_path):
        raise OSError(28, "No space left on device")
    assert files(tmp_path) == before
    with new_run(tmp_path) as first:
        (first / "split.json").touch()
    assert files(tmp_path) == sorted(["split.json", *STRANGERS])
    assert not (tmp_path / "model").exists()


@pytest.mark.parametrize(
    "names", [["split.json"], ["model.safetensors", "config.json"], ["metrics.csv", "report.html"]]
)
def test_a_stranger_s_folder_is_no_run(tmp_path: Path, names: list[str]) -> None:
    for name in names:
        (tmp_path / name).write_text('{"train": [1, 2], "val": [], "test": [3]}')
    if "model.safetensors" in names:
        save_file({"a": np.zeros(3)}, tmp_path / "model.safetensors", {"format": "pt"})
    with pytest.raises(MartletError, match=r"holds no run of martlet; --overwrite leaves it alone"):
        check_folder(tmp_path, resume=False, overwrite=True)


def test_a_damaged_run_is_still_a_run(trained: Run, tmp_path: Path) -> None:
    folder = shutil.copytree(trained.folder, tmp_path / "run")
    for name in ("model.safetensors", "resume.safetensors"):
        (folder / name).write_bytes(b"damaged")
    check_folder(folder, resume=False, overwrite=True)
    (folder / "split.json").unlink()
    shutil.copy(trained.checkpoint, folder)
    check_folder(folder, resume=False, overwrite=True)


def test_two_trainings_at_once_are_kept_apart(quick: Callable[..., Run], tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "run"),
        pytest.raises(MartletError, match=r"is being written by process \d+ on"),
    ):
        quick(overwrite=True)
    assert not list(tmp_path.iterdir())


def test_a_name_that_tensorboard_cannot_write_is_refused(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"'.*da\\udce9ta' has a name that is not UTF-8.*--name"):
        check_folder(tmp_path / "da\udce9ta", resume=False, overwrite=False)


@pytest.mark.parametrize(
    ("metrics", "killed"),
    [({"epoch": 0}, True), ({"epoch": 1}, False), ({"part": "test", "best_epoch": 0}, False)],
)
def test_a_kill_between_the_first_files_is_gone_on_from(
    tmp_path: Path, metrics: dict[str, object], killed: bool
) -> None:
    """Weights of no epoch are fitted again; those of an epoch are nowhere else."""
    header = Header(Network("tiny", 2, 3, False), ("a", "b"), Preprocess(size=8), Recipe())
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, {"x": torch.zeros(1)}, header.with_metrics(metrics))
    for name in ("", "split.json", "metrics.csv"):
        if name:
            (tmp_path / name).write_text("{}")
        if killed and name != "metrics.csv":
            check_folder(tmp_path, resume=True, overwrite=False)
            continue
        with pytest.raises(MartletError, match="files that a new run would replace"):
            check_folder(tmp_path, resume=True, overwrite=False)
