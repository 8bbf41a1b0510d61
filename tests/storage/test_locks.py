import os
import subprocess
import sys
from pathlib import Path

import pytest

from martlet.storage.files import write_text
from martlet.storage.locks import locked, temporary
from martlet.storage.staging import staging

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no such locks there")

KILLED = """
import os, signal, sys
from pathlib import Path
from martlet.storage.locks import temporary
both = [temporary(Path(sys.argv[1]), make) for make in (Path.touch, Path.mkdir)]
for one in both:
    one.__enter__()
os.kill(os.getpid(), signal.SIGKILL)
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_what_a_killed_process_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".0a1b2c3d.tmp", ".martlet-0a1b2c3d.tmpx", ".martlet-of-mine.tmp", "x"):
        (tmp_path / name).touch()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / ".martlet-11111111.tmp").symlink_to(tmp_path / "elsewhere")
    before = names(tmp_path)
    with temporary(tmp_path, Path.touch) as file, temporary(tmp_path, Path.mkdir) as folder:
        subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
        alive = sorted([*before, file.name, folder.name])
        assert len(set(names(tmp_path)) - {*alive}) == 2
        with temporary(tmp_path, Path.touch) as another:
            assert names(tmp_path) == sorted([*alive, another.name])
    assert names(tmp_path) == before


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("martlet.storage.locks.fcntl.flock", no_locks)
    (tmp_path / ".martlet-01234567.tmp").touch()
    write_text(tmp_path / "x", "whole")
    with staging(tmp_path) as inside:
        (inside / "y").touch()
    assert names(tmp_path) == [".martlet-01234567.tmp", "x", "y"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads it all")
def test_a_folder_that_takes_files_and_is_not_listed(tmp_path: Path) -> None:
    tmp_path.chmod(0o300)
    write_text(tmp_path / "x", "whole")
    tmp_path.chmod(0o700)
    assert names(tmp_path) == ["x"]


def test_reading_needs_no_lock(tmp_path: Path) -> None:
    with locked(tmp_path / "nowhere", shared=True):
        pass
    with pytest.raises(FileNotFoundError), locked(tmp_path / "nowhere"):
        pass
    descriptors = os.listdir("/proc/self/fd") if os.path.isdir("/proc/self/fd") else []
    with locked(tmp_path, shared=True), locked(tmp_path, shared=True):
        pass
    if descriptors:
        assert len(os.listdir("/proc/self/fd")) == len(descriptors)
