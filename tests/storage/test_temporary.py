from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.storage.temporary import remove_stale, temporary


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_the_file_appears_when_the_block_ends(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x"
    with temporary(path) as file:
        file.write(b"whole")
        assert not path.exists()
    assert path.read_bytes() == b"whole"
    assert names(path.parent) == ["x"]


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, GeneratorExit])
def test_an_interrupted_block_keeps_the_old_file(
    tmp_path: Path, error: type[BaseException]
) -> None:
    def interrupted() -> None:
        with temporary(tmp_path / "x") as file:
            file.write(b"half")
            raise error

    (tmp_path / "x").write_bytes(b"old")
    with pytest.raises(error):
        interrupted()
    assert (tmp_path / "x").read_bytes() == b"old"
    assert names(tmp_path) == ["x"]


def test_a_refusing_disk_is_one_sentence(tmp_path: Path) -> None:
    def refuse() -> None:
        raise OSError(28, "No space left on device")

    with (
        pytest.raises(MartletError, match=r"cannot be written \(No space left on device\)"),
        temporary(tmp_path / "x"),
    ):
        refuse()
    assert names(tmp_path) == []


def test_files_in_use_stay_and_forgotten_ones_go(tmp_path: Path) -> None:
    forgotten = tmp_path / ".x.0123abcd.partial"
    forgotten.write_bytes(b"half")
    (tmp_path / "y.partial").touch()  # somebody else's
    with temporary(tmp_path / "x") as first:
        assert not forgotten.exists()
        first.write(b"first")
        with temporary(tmp_path / "x") as second:
            second.write(b"second")
            remove_stale(tmp_path)
        assert (tmp_path / "x").read_bytes() == b"second"
    assert (tmp_path / "x").read_bytes() == b"first"
    assert names(tmp_path) == ["x", "y.partial"]


def test_without_locks_nothing_is_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_locks(*_: object) -> None:
        raise OSError(95, "Operation not supported")

    monkeypatch.setattr("martlet.storage.temporary.fcntl.flock", no_locks)
    (tmp_path / ".x.0123abcd.partial").touch()
    with temporary(tmp_path / "x") as file:
        file.write(b"whole")
    assert names(tmp_path) == [".x.0123abcd.partial", "x"]


def test_a_new_file_taken_for_a_stale_one_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Path] = []

    def remove_first(file: object) -> None:
        """As another process would between the making of the file and its lock."""
        made.extend(tmp_path.glob(".*.partial"))
        if len(made) == 1:
            made[0].unlink()

    monkeypatch.setattr("martlet.storage.temporary._lock", remove_first)
    with temporary(tmp_path / "x") as file:
        file.write(b"whole")
    assert len(made) == 2
    assert (tmp_path / "x").read_bytes() == b"whole"
    assert names(tmp_path) == ["x"]
