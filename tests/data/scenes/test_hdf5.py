import os
import struct
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from numpy.testing import assert_array_equal

from martlet.data.scenes.hdf5 import SIGNATURE, hdf5_contents, signature_offset
from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).integers(0, 4000, (6, 5, 9)).astype("uint16")


def as_matlab(path: Path, **arrays: tuple[str, Any]) -> None:
    """A file as MATLAB's version 7.3: 512 bytes of text, axes reversed, classes as attributes."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, (kind, values) in arrays.items():
            stored = file.create_dataset(name, data=np.asarray(values).T)
            stored.attrs["MATLAB_class"] = np.bytes_(kind)
        references = file.create_group("#refs#")
        references["a"] = np.zeros((3, 3, 3))
    with path.open("r+b") as raw:
        raw.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124) + b"\x00\x02IM")


def test_matlab_axes_are_turned_back(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    labels = (CUBE[:, :, 0] % 3).astype(float)
    as_matlab(
        path,
        cube=("uint16", CUBE),
        gt=("double", labels),
        words=("char", np.zeros((1, 3), "uint16")),
        wavelength=("double", np.linspace(400, 1200, 9)[None]),
    )
    scene = read_scene(path)
    assert scene.shape == CUBE.shape
    assert scene.dtype == "uint16"
    assert_array_equal(scene.block(slice(2, 5), slice(1, 3)), CUBE[2:5, 1:3])
    assert scene.wavelengths == pytest.approx(np.linspace(400, 1200, 9))
    assert_array_equal(read_labels(path).labels, labels)
    assert {stored.name for stored in hdf5_contents(path).arrays} == {
        *("cube", "gt", "words", "wavelength")
    }


def test_logical_and_empty(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    as_matlab(path, mask=("logical", CUBE[:, :, 0] % 2), empty=("double", [0, 0]))
    with h5py.File(path, "r+") as file:
        file["empty"].attrs["MATLAB_empty"] = 1
    mask, empty = sorted(hdf5_contents(path).arrays, key=lambda stored: stored.name, reverse=True)
    assert (mask.what, mask.shape, empty.shape) == ("bool", (6, 5), (0, 0))
    assert_array_equal(read_labels(path).labels, CUBE[:, :, 0] % 2)


@pytest.mark.parametrize("version", ["earliest", "v108", "latest"])
@pytest.mark.parametrize("before", [0, 512, 2048])
def test_other_files_keep_their_axes(tmp_path: Path, version: str, before: int) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w", userblock_size=before, libver=version) as file:
        file.create_dataset("group/cube", data=CUBE, chunks=(2, 2, 2), compression="gzip")
    assert signature_offset(path) == before
    scene = read_scene(path)
    assert_array_equal(scene.block(slice(None), slice(4, 5)), CUBE[:, 4:])
    whole = path.stat().st_size
    os.truncate(path, whole - 50)
    with pytest.raises(MartletError, match=f"cut short: {whole - 50:,} of {whole:,} bytes"):
        read_scene(path)
    os.truncate(path, before + 20)
    with pytest.raises(MartletError, match=f"cut short: {before + 20:,} of at least"):
        read_scene(path)


def test_a_superblock_of_version_1(tmp_path: Path) -> None:
    """h5py writes none: it is written when the breadth of chunks' trees is set."""
    nowhere = (1 << 64) - 1
    block = SIGNATURE + bytes([1, 0, 0, 0, 0, 8, 8, 0]) + struct.pack("<HHIHH", 4, 16, 0, 40, 0)
    block += struct.pack("<QQQQ", 0, nowhere, 5000, nowhere)
    (tmp_path / "a.h5").write_bytes(block)
    with pytest.raises(MartletError, match=f"cut short: {len(block)} of 5,000 bytes"):
        read_scene(tmp_path / "a.h5")


def test_complex_references_and_text(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["complex"] = CUBE * 1j
        file["matlab"] = np.zeros((2, 2, 2), [("real", "f8"), ("imag", "f8")])
        file["text"] = ["a", "b"]
    assert {s.name: (s.what, s.numbers) for s in hdf5_contents(path).arrays} == {
        "complex": ("complex", False),
        "matlab": ("complex", False),
        "text": ("references or text", False),
    }
    with pytest.raises(MartletError, match=r"'matlab'.*is not read; give its magnitude"):
        read_scene(path, array="matlab")


def test_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("cube", data=CUBE, compression="gzip")
    raw = path.read_bytes()
    path.write_bytes(raw[:96] + bytes(600) + raw[696:])
    with pytest.raises(MartletError, match="cannot be read"):
        read_scene(path)
