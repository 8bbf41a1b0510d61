import subprocess
import sys
import time
from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.storage.files import write_text
from martlet.storage.locks import locked
from martlet.storage.staging import staging

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="no locks of folders there")

FILES = [f"{letter}.txt" for letter in "abcdefghijkl"]
WRITER = f"""
import sys
from martlet.storage.staging import staging
folder, mark, rounds = sys.argv[1:]
print("ready", flush=True)
sys.stdin.readline()
for number in range(int(rounds)):
    with staging(folder, old=["0.extra", "1.extra"]) as inside:
        for name in [*{FILES!r}, mark + ".extra"]:
            (inside / name).write_text(f"{{mark}} {{number}}")
"""


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_files_move_up_and_old_ones_go(tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    for word in ("first", "second"):
        with staging(out, old=["first", "second", "never"]) as inside:
            write_text(inside / word, word)
            (inside / "both").write_text(word)
        assert names(out) == sorted(["both", word])
        assert (out / "both").read_text() == word


def test_old_files_of_subfolders_go_and_others_stay(tmp_path: Path) -> None:
    for name in ("ours/a", "both/a", "both/theirs"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    with staging(tmp_path, old=["ours/a", "both/a", "never/a"]):
        assert names(tmp_path)[1:] == ["both", "ours"]
    assert names(tmp_path) == ["both"]
    assert names(tmp_path / "both") == ["theirs"]


def test_one_file_moves_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    monkeypatch.setattr("os.replace", lambda source, target: moved.append(target.name))
    with staging(tmp_path, last="b") as inside:
        for name in "cab":
            (inside / name).touch()
    assert moved == ["a", "c", "b"]


@pytest.mark.parametrize("before", [False, True])
def test_an_error_leaves_everything_as_it_was(tmp_path: Path, before: bool) -> None:
    out = tmp_path / "deep" / "out"
    if before:
        out.mkdir(parents=True)
        (out / "a").write_text("old")

    def fail() -> None:
        with staging(out, old=["a"]) as inside:
            (inside / "a").write_text("new")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail()
    assert (tmp_path / "deep").exists() == before
    if before:
        assert names(out) == ["a"]
        assert (out / "a").read_text() == "old"


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for place in (tmp_path / "file" / "out", tmp_path / "file", Path("/proc/self/out")):
        with pytest.raises(MartletError, match=f"{place} could not be written"):
            staging(place).__enter__()


def test_processes_at_the_same_time_do_not_mix_their_files(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    words = [sys.executable, "-c", WRITER, str(out)]
    both = [
        subprocess.Popen([*words, mark, "12"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for mark in "01"
    ]
    for process in both:
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
    for process in both:
        assert process.stdin is not None
        process.stdin.write(b"\n")
        process.stdin.flush()
    seen = set()
    while any(process.poll() is None for process in both):
        with locked(out, shared=True):
            found = {path.name: path.read_text() for path in out.glob("*.*") if path.is_file()}
        if found:
            seen.add(check(found))
        time.sleep(0.002)  # so that the others get their turn
    assert [process.wait() for process in both] == [0, 0]
    for process in both:
        process.communicate()
    check({path.name: path.read_text() for path in out.iterdir()})
    assert seen


def check(found: dict[str, str]) -> tuple[str, ...]:
    """All files are those of one round of one process; which."""
    (content,) = set(found.values())
    mark = content.split()[0]
    assert sorted(found) == sorted([*FILES, f"{mark}.extra"])
    return tuple(content.split())
