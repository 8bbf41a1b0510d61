"""Maps of a scene grow in their files, and take an earlier map's place when they are whole."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pytest

from martlet.errors import MartletError
from martlet.workflows.map_files import FILES, MapFiles, check_place

NUMBERS = np.arange(12).reshape(4, 3)
SURE = np.linspace(0, 1, 12, dtype=np.float32).reshape(4, 3)


def grown(folder: Path, key: object = 1, stop: int = 4, shape: tuple[int, int] = (4, 3)) -> int:
    """Write rows up to `stop` from where an earlier try ended; where that was."""
    with MapFiles(folder, shape, np.uint8, key).opened() as (start, maps):
        for row in range(start, stop):
            maps.write(row, NUMBERS[row : row + 1], SURE[row : row + 1])
    return start


def finished(folder: Path, key: object = 1) -> None:
    with MapFiles(folder, (4, 3), np.uint8, key).replacing() as inside:
        (inside / "classes.csv").write_text("legend")


def test_rows_come_back_and_an_earlier_map_stays_until_then(tmp_path: Path) -> None:
    grown(tmp_path)
    finished(tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "classes.npy"), NUMBERS)
    np.testing.assert_array_equal(np.load(tmp_path / "probability.npy"), SURE)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert set(before) == {"classes.npy", "probability.npy", "classes.csv"}
    assert grown(tmp_path, key=2, stop=2) == 0
    assert before.items() <= {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items()
    assert grown(tmp_path, key=2) == 2
    finished(tmp_path, key=2)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("name", ["unfinished.classes.npy", "unfinished.json"])
@pytest.mark.parametrize("content", [None, b"", b"x" * 500])
def test_what_an_earlier_try_left_is_not_trusted(
    tmp_path: Path, name: str, content: bytes | None
) -> None:
    grown(tmp_path, stop=2)
    (tmp_path / name).unlink()
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert grown(tmp_path) == 0


def test_another_shape_or_key_is_another_try(tmp_path: Path) -> None:
    grown(tmp_path, stop=2)
    assert grown(tmp_path, key="other", stop=0) == 0
    grown(tmp_path, stop=2)
    assert grown(tmp_path, shape=(3, 3), stop=0) == 0


def test_a_full_disk_is_a_sentence_and_loses_no_row(
    tmp_path: Path, full_disk: Callable[[int], AbstractContextManager[None]]
) -> None:
    grown(tmp_path, stop=2)
    with full_disk(150), pytest.raises(MartletError, match="the same command goes on with them"):
        grown(tmp_path)
    assert grown(tmp_path) == 2
    finished(tmp_path)
    np.testing.assert_array_equal(np.load(tmp_path / "classes.npy"), NUMBERS)


@pytest.mark.parametrize("name", FILES)
def test_a_map_replaces_neither_its_scene_nor_others_files(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    with pytest.raises(MartletError, match="itself, which a map would replace"):
        check_place(tmp_path, tmp_path / name)
    with pytest.raises(MartletError, match="which is of no map that martlet wrote"):
        check_place(tmp_path, tmp_path / "other.npy")


def test_an_earlier_map_is_replaced(tmp_path: Path) -> None:
    grown(tmp_path)
    finished(tmp_path)
    check_place(tmp_path, tmp_path / "other.npy")
    (tmp_path / "classes.tif").write_text("of the earlier map")
    grown(tmp_path)
    finished(tmp_path)
    assert not (tmp_path / "classes.tif").exists()
