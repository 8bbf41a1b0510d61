import errno
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.storage.claim import claimed

# Claims the folder, forks a child that outlives it, and waits to be told to end.
HOLDER = """
import os, signal, sys
from pathlib import Path
from martlet.storage.claim import claimed
with claimed(Path(sys.argv[1])):
    child = os.fork() if sys.argv[2:] else 1
    if child == 0:
        signal.pause()
    print(child, flush=True)
    sys.stdin.readline()
"""
posix = pytest.mark.skipif(sys.platform == "win32", reason="signals and forks of POSIX")


def hold(folder: Path, *words: str) -> tuple["subprocess.Popen[str]", int]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder), *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout
    return process, int(process.stdout.readline())


def test_another_process_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "run"
    process, _ = hold(folder)
    words = rf"run is being written by process {process.pid} on .+ since \d+-\d+-\d+ \d+:\d+:\d+; "
    with pytest.raises(MartletError, match=words), claimed(folder):
        pass
    ending = threading.Thread(target=process.communicate, args=["\n"])
    ending.start()
    with claimed(folder, wait=60):
        (folder / "x").touch()
    ending.join()
    assert [path.name for path in folder.iterdir()] == ["x"]


def test_a_folder_that_goes_while_it_is_made_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, mkdir, refused = tmp_path / "run", Path.mkdir, [FileExistsError(17, "File exists")]

    def gone_at_first(path: Path, *given: object, **named: object) -> None:
        if path == folder and refused:
            raise refused.pop()
        mkdir(path, *given, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(Path, "mkdir", gone_at_first)
    with claimed(folder):
        assert not refused
        assert folder.is_dir()


@posix
def test_a_killed_process_blocks_nobody_though_its_child_lives(tmp_path: Path) -> None:
    process, child = hold(tmp_path / "run", "fork")
    try:
        process.kill()
        process.wait()
        with claimed(tmp_path / "run", wait=60):  # the child may not have run its first line yet
            told = next((tmp_path / "run").iterdir()).read_text()
            assert told.startswith(f"process {os.getpid()} on ")
        assert not list((tmp_path / "run").iterdir())
    finally:
        os.kill(child, signal.SIGKILL)
        process.communicate()


def test_threads_of_one_process_are_kept_apart_too(tmp_path: Path) -> None:
    found: list[str] = []

    def try_it() -> None:
        try:
            with claimed(tmp_path):
                found.append("claimed")
        except MartletError as error:
            found.append(str(error))

    with claimed(tmp_path):
        other = threading.Thread(target=try_it)
        other.start()
        other.join()
    assert len(found) == 1
    assert f"being written by process {os.getpid()} on" in found[0]


def test_a_folder_that_stays_empty_is_gone(tmp_path: Path) -> None:
    for folder in (tmp_path / "deep" / "run", tmp_path):
        with pytest.raises(KeyError), claimed(folder):
            raise KeyError
    assert not list(tmp_path.iterdir())


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MartletError, match="file is a file; choose another name"):
        claimed(tmp_path / "file").__enter__()
    with pytest.raises(MartletError, match=r"file/run could not be written \("):
        claimed(tmp_path / "file" / "run").__enter__()


def test_a_full_disk_keeps_no_claim(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    for folder in (tmp_path, tmp_path / "run"):
        with monkeypatch.context() as patch:
            patch.setattr(Path, "write_text", full)
            with pytest.raises(MartletError, match=r"could not be written \(No space left"):
                claimed(folder).__enter__()
        assert not list(tmp_path.iterdir())


@posix
@pytest.mark.parametrize("number", [38, 37, 95])  # ENOSYS, ENOLCK, EOPNOTSUPP of Linux
def test_without_locks_everybody_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", no_locks)
    with claimed(tmp_path), claimed(tmp_path):
        pass
    assert not list(tmp_path.iterdir())
