import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from martlet.data.scenes import numpy_files
from martlet.data.scenes.numpy_files import npy_contents, npz_contents
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).normal(size=(6, 5, 9))


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "<i2", ">u2", "f2", "u1", "<i8"])
@pytest.mark.parametrize("fortran", [False, True])
def test_npy_is_read_block_by_block(tmp_path: Path, dtype: str, fortran: bool) -> None:
    values = np.array(CUBE * 100, dtype, order="F" if fortran else "C")
    np.save(tmp_path / "a.npy", values)
    scene = read_scene(tmp_path / "a.npy")
    assert scene.shape == (6, 5, 9)
    assert scene.dtype == np.dtype(dtype).newbyteorder("=")
    block = scene.block(slice(1, 4), slice(2, 99))
    assert block.dtype == scene.dtype
    assert block.flags.c_contiguous
    assert block.flags.writeable
    assert_array_equal(block, values[1:4, 2:])
    assert not isinstance(scene.values, np.ndarray), "the values stay in the file"


def test_npy_cut_short_has_both_numbers(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, CUBE)
    whole = path.stat().st_size
    os.truncate(path, whole - 10)
    with pytest.raises(MartletError, match=f"cut short: {whole - 10:,} of {whole:,} bytes"):
        npy_contents(path)
    os.truncate(path, 50)
    with pytest.raises(MartletError, match="cannot be read"):
        npy_contents(path)


def test_npy_cut_short_after_it_was_opened(tmp_path: Path) -> None:
    path = tmp_path / "a.npy"
    np.save(path, CUBE)
    scene = read_scene(path)
    os.truncate(path, 200)
    with pytest.raises(MartletError, match="cut short: 200 of"):
        scene.block(slice(5, 6), slice(None))


def test_npz_holds_several_and_wavelengths(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    labels = np.ones((6, 5), np.uint8)
    np.savez_compressed(path, cube=CUBE, gt=labels, wavelengths=np.linspace(0.4, 2.5, 9))
    contents = npz_contents(path)
    assert [(stored.name, stored.shape, stored.what) for stored in contents.arrays] == [
        ("cube", (6, 5, 9), "float64"),
        ("gt", (6, 5), "uint8"),
        ("wavelengths", (9,), "float64"),
    ]
    scene = read_scene(path)
    assert_array_equal(scene.block(slice(None), slice(None)), CUBE)
    assert scene.wavelengths == pytest.approx(np.linspace(400, 2500, 9))


class Bomb:
    def __reduce__(self) -> Any:
        return os.mkdir, ("ran",)


def test_pickles_are_refused_and_never_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    objects = np.empty((2, 2, 2), object)
    objects[:] = Bomb()
    np.save("a.npy", objects)
    np.savez("a.npz", a=objects)
    for name in ("a.npy", "a.npz"):
        with pytest.raises(MartletError, match=r"Python objects.*run code"):
            read_scene(name)
        with pytest.raises(MartletError, match=r"Python objects.*run code"):
            read_scene(name, array="a")
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (np.ones((2, 3, 4), complex), "complex"),
        (np.full((2, 3, 4), "x"), "text"),
        (np.zeros((2, 3, 4), [("a", "u1")]), "records"),
        (np.zeros((2, 3, 4), "M8[s]"), "datetime64"),
    ],
)
def test_what_is_no_real_number_is_refused(
    tmp_path: Path, values: "np.ndarray[Any, Any]", what: str
) -> None:
    np.save(tmp_path / "a.npy", values)
    with pytest.raises(MartletError, match=rf"'a' \(2×3×4, {what}.*is not read"):
        read_scene(tmp_path / "a.npy")


def test_npz_cut_short(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, cube=CUBE)
    os.truncate(path, 1500)
    with pytest.raises(MartletError, match=r"end of the archive is missing \(1,500 bytes"):
        npz_contents(path)


def test_npz_with_an_array_cut_short(tmp_path: Path) -> None:
    stream = io.BytesIO()
    np.save(stream, CUBE)
    whole = stream.tell()
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("cube.npy", stream.getvalue()[:-9])
    with pytest.raises(MartletError, match=f"'cube'.*{whole - 9:,} of {whole:,} bytes"):
        npz_contents(tmp_path / "a.npz")


def test_npz_damaged_within(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    np.savez(path, cube=CUBE)
    raw = bytearray(path.read_bytes())
    raw[1000] ^= 1
    path.write_bytes(raw)
    with pytest.raises(MartletError, match="cannot be read"):
        read_scene(path)


def test_npz_larger_than_memory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    np.savez(tmp_path / "a.npz", cube=CUBE)
    asked = []
    monkeypatch.setattr(numpy_files, "require_memory", lambda *said: asked.append(said))
    read_scene(tmp_path / "a.npz")
    assert asked == [
        (CUBE.nbytes, f"array 'cube' of {str(tmp_path / 'a.npz')!r}", "save it as .npy")
    ]
