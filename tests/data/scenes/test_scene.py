import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.lib import format as npy
from numpy.testing import assert_array_equal

from martlet.data.scenes.scaled import is_nodata
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).integers(0, 4000, (6, 5, 9)).astype("uint16")


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", ["a.npy", "a.npz"])
def test_bands_of_any_axis_become_the_last(tmp_path: Path, axis: int, name: str) -> None:
    stored = np.moveaxis(CUBE, 2, axis)
    np.save(tmp_path / "a.npy", stored)
    np.savez(tmp_path / "a.npz", cube=stored)
    scene = read_scene(tmp_path / name, bands_axis=axis)
    assert scene.shape == (6, 5, 9)
    assert_array_equal(scene.block(slice(3, 5), slice(1, 4)), CUBE[3:5, 1:4])
    assert_array_equal(scene.values[:, 1:2, 4:6], CUBE[:, 1:2, 4:6])


def test_blocks_are_sliced_as_numpy_does(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", CUBE)
    scene = read_scene(tmp_path / "a.npy")
    for rows in (slice(None), slice(-2, None), slice(4, 100), slice(5, 2), slice(7, 9)):
        assert_array_equal(scene.block(rows, slice(1, -1)), CUBE[rows, 1:-1])
    with pytest.raises(IndexError, match="without steps"):
        scene.block(slice(0, 6, 2), slice(None))


def test_a_block_of_an_array_in_memory_is_a_copy(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", cube=CUBE)
    scene = read_scene(tmp_path / "a.npz")
    scene.block(slice(None), slice(None))[:] = 0
    assert_array_equal(scene.block(slice(None), slice(None)), CUBE)


def test_a_large_file_takes_the_memory_of_a_block(tmp_path: Path) -> None:
    shape, path = (4000, 1000, 128), tmp_path / "a.npy"  # one gigabyte, of which nothing is written
    with path.open("wb") as file:
        header = {"descr": "<u2", "fortran_order": False, "shape": shape}
        npy.write_array_header_1_0(file, header)
        file.truncate(file.tell() + 2 * 4000 * 1000 * 128)
    tracemalloc.start()
    try:
        block = read_scene(path).block(slice(3990, 4000), slice(100, 110))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert block.shape == (10, 10, 128)
    assert most < 1 << 20


def test_an_unclear_scene_is_asked_about(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.zeros((9, 6, 6)))
    with pytest.raises(MartletError, match="--bands-axis"):
        read_scene(tmp_path / "a.npy")
    assert read_scene(tmp_path / "a.npy", rows_columns=(9, 6)).shape == (9, 6, 6)
    np.savez(tmp_path / "a.npz", a=CUBE, b=CUBE)
    with pytest.raises(MartletError, match="--array a"):
        read_scene(tmp_path / "a.npz")
    assert read_scene(tmp_path / "a.npz", array="b").shape == CUBE.shape


def test_wavelengths_of_other_bands_are_left_out(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", cube=CUBE, wavelength=np.arange(400, 408))
    assert read_scene(tmp_path / "a.npz").wavelengths is None


@pytest.mark.parametrize(
    ("values", "nodata", "which"),
    [
        (np.array([0, 1, 255], "u1"), 255, [0, 0, 1]),
        (np.array([0, 1, 255], "u1"), -9999, [0, 0, 0]),
        (np.array([0, np.nan, 1], "f4"), np.nan, [0, 1, 0]),
        (np.array([0, 1], "i2"), np.nan, [0, 0]),
        (np.array([0.1, 1], "f4"), 0.1, [1, 0]),
        (np.array([-np.inf, 1], "f4"), -1.7976931348623157e308, [1, 0]),
    ],
)
def test_nodata(
    values: "np.ndarray[tuple[int], np.dtype[np.float32]]", nodata: float, which: list[int]
) -> None:
    assert is_nodata(values, nodata).tolist() == [bool(value) for value in which]
