import json
from collections.abc import Callable
from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.storage.claim import claimed
from martlet.workflows.run_folder import Run, new_run

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


def test_two_trainings_at_once_are_kept_apart(quick: Callable[..., Run], tmp_path: Path) -> None:
    with (
        claimed(tmp_path / "run"),
        pytest.raises(MartletError, match=r"is being written by process \d+ on"),
    ):
        quick(overwrite=True)
    assert not list(tmp_path.iterdir())
