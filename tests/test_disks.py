"""What disks do to a run: a cache shared, data that vanish or are read-only, no room."""

import os
import shutil
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.killed import in_processes

from martlet.errors import MartletError
from martlet.training.journal import Journal
from martlet.workflows.run_folder import Run

posix = pytest.mark.skipif(sys.platform == "win32", reason="processes of POSIX")
Quick = Callable[..., Run]
Same = Callable[[Path, Path], bool]
Full = Callable[[int], AbstractContextManager[None]]
SMALL: dict[str, Any] = {
    "model": "shufflenet_v2_x0_5",
    "image_size": 16,
    "epochs": 2,
    "batch_size": 8,
    "crop_scale": 0.6,
    "workers": 0,
    "quiet": True,
}


@pytest.fixture
def own(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the pictures that may be harmed, and a cache that nobody has built."""
    monkeypatch.setenv("MARTLET_CACHE", str(tmp_path / "cache"))
    return Path(shutil.copytree(photos, tmp_path / "own" / "photos"))


def behind_an_epoch(monkeypatch: pytest.MonkeyPatch, harm: Callable[[], object]) -> None:
    """Something happens once the first epoch is noted."""
    note = Journal.note

    def noted(journal: Journal, history: list[dict[str, float]]) -> None:
        note(journal, history)
        if len(history) == 1:
            harm()

    monkeypatch.setattr(Journal, "note", noted)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


@posix
@pytest.mark.slow
def test_two_processes_build_one_cache(
    own: Path, tmp_path: Path, quick: Quick, same_weights: Same
) -> None:
    several = [{**SMALL, "folder": tmp_path, "name": name} for name in ("one", "other")]
    assert in_processes(tmp_path, own, several) == [0, 0]
    whole = quick(data=own, name="whole")
    assert same_weights(whole.folder, tmp_path / "one")
    assert same_weights(whole.folder, tmp_path / "other")
    assert len([path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".lock"]) <= 1


@posix
@pytest.mark.slow
def test_data_that_can_only_be_read(own: Path, tmp_path: Path) -> None:
    options = {**SMALL, "folder": tmp_path, "name": "run"}
    assert in_processes(tmp_path, own, [options], readable_alone=True) == [0]
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.slow
def test_data_that_vanish_while_training(
    own: Path, quick: Quick, same_weights: Same, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was read is in the cache: the run ends as it would have, and can be scored by nobody."""
    whole = quick(data=own, name="whole")
    with monkeypatch.context() as patch:
        behind_an_epoch(patch, lambda: shutil.rmtree(own))
        run = quick(data=own)
    assert same_weights(whole.folder, run.folder)
    assert run.metrics["top1"] == whole.metrics["top1"]
    before = content(run.folder)
    with pytest.raises(MartletError, match="photos' does not exist"):
        quick(data=own, resume=True)
    assert content(run.folder) == before


def test_data_that_vanish_while_they_are_read(
    own: Path, tmp_path: Path, quick: Quick, monkeypatch: pytest.MonkeyPatch
) -> None:
    from martlet.data import cache

    decode = cache._decode_some

    def vanish(*given: Any) -> Any:
        shutil.rmtree(own, ignore_errors=True)
        return decode(*given)

    monkeypatch.setattr(cache, "_decode_some", vanish)
    with pytest.raises(MartletError, match=r"36 of 36 pictures cannot be read"):
        quick(data=own)
    assert not (tmp_path / "run").exists()


@pytest.mark.slow
def test_no_room_for_cache_or_checkpoint(
    own: Path, tmp_path: Path, quick: Quick, full_disk: Full
) -> None:
    for size in (0, 10_000, 1_000_000):  # nothing, part of the cache, part of a checkpoint
        with full_disk(size), pytest.raises(MartletError, match="could not be written"):
            quick(data=own)
        assert not (tmp_path / "run").exists()
    quick(data=own)


@pytest.mark.slow
def test_a_disk_that_is_full_behind_an_epoch(
    own: Path,
    quick: Quick,
    same_weights: Same,
    full_disk: Full,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = quick(data=own, name="whole")
    with ExitStack() as limits, monkeypatch.context() as patch:
        behind_an_epoch(patch, lambda: limits.enter_context(full_disk(100_000)))
        with pytest.raises(MartletError, match=r"could not be written .*; the earlier file is unt"):
            quick(data=own)
    assert same_weights(whole.folder, quick(data=own, resume=True).folder)
    assert os.listdir(whole.folder.parent / "own") == ["photos"]
