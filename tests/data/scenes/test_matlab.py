import os
import struct
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from scipy.io import savemat
from scipy.sparse import csc_array

from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.matlab import matlab_contents
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).integers(0, 4000, (6, 5, 9))


@pytest.mark.parametrize("dtype", ["float64", "float32", "int16", "uint16", "uint8", "int32"])
@pytest.mark.parametrize("compressed", [False, True])
def test_numbers_of_every_class(tmp_path: Path, dtype: str, compressed: bool) -> None:
    savemat(tmp_path / "a.mat", {"cube": CUBE.astype(dtype)}, do_compression=compressed)
    scene = read_scene(tmp_path / "a.mat")
    assert_array_equal(scene.block(slice(None), slice(None)), CUBE.astype(dtype))
    assert scene.dtype == dtype


def test_a_double_that_lies_as_int16_is_read_as_such(tmp_path: Path) -> None:
    """As MATLAB stores whole numbers: a quarter of the memory."""
    values = np.arange(24, dtype="<i2").reshape(2, 3, 4, order="F")
    name, data = b"cube", values.tobytes(order="F")
    body = struct.pack("<IIII", 6, 8, 6, 0)  # array flags: class double
    body += struct.pack("<IIiiii", 5, 12, 2, 3, 4, 0)  # dimensions, padded
    body += struct.pack("<HH4s", 1, len(name), name)
    body += struct.pack("<II", 3, len(data)) + data  # int16
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    (tmp_path / "a.mat").write_bytes(header + struct.pack("<II", 14, len(body)) + body)
    scene = read_scene(tmp_path / "a.mat")
    assert scene.dtype == "int16"
    assert_array_equal(scene.block(slice(None), slice(None)), values)


def test_what_else_a_file_holds_is_named(tmp_path: Path) -> None:
    savemat(
        tmp_path / "a.mat",
        {
            "words": "abc",
            "cells": np.array([1, "x"], object),
            "struct": {"a": 1},
            "sparse": csc_array(np.eye(4)),
            "mask": np.eye(4, dtype=bool),
            "wavelength": np.linspace(400, 2500, 9)[None],
        },
    )
    contents = matlab_contents(tmp_path / "a.mat")
    assert {s.name: (s.what, s.numbers) for s in contents.arrays} == {
        "words": ("text", False),
        "cells": ("cell", False),
        "struct": ("struct", False),
        "sparse": ("sparse", False),
        "mask": ("bool", True),
        "wavelength": ("double", True),
    }
    assert contents.wavelengths == pytest.approx(np.linspace(400, 2500, 9))
    assert_array_equal(read_labels(tmp_path / "a.mat").labels, np.eye(4))
    with pytest.raises(MartletError, match=r"'sparse'.*full\("):
        read_labels(tmp_path / "a.mat", array="sparse")
    with pytest.raises(MartletError, match=r"holds 'words'.*'mask' .4×4, bool.*three axes"):
        read_scene(tmp_path / "a.mat")


def test_complex_values_are_refused(tmp_path: Path) -> None:
    savemat(tmp_path / "a.mat", {"cube": CUBE * 1j})
    with pytest.raises(MartletError, match=r"complex.*is not read; give its magnitude"):
        read_scene(tmp_path / "a.mat")


def test_version_4(tmp_path: Path) -> None:
    labels = np.array([[0, 1, 2], [2, 1, 0]])
    savemat(tmp_path / "a.mat", {"gt": labels.astype(float)}, format="4")
    assert_array_equal(read_labels(tmp_path / "a.mat").labels, labels)


@pytest.mark.parametrize("compressed", [False, True])
def test_cut_short_has_both_numbers(tmp_path: Path, compressed: bool) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"gt": CUBE[:, :, 0], "cube": CUBE}, do_compression=compressed)
    whole = path.stat().st_size
    os.truncate(path, whole - 30)
    said = f"cut short: {whole - 30:,} of at least {whole:,} bytes"
    with pytest.raises(MartletError, match=said):
        read_scene(path)


def test_damaged(tmp_path: Path) -> None:
    path = tmp_path / "a.mat"
    savemat(path, {"cube": CUBE}, do_compression=True)
    raw = bytearray(path.read_bytes())
    raw[160:200] = bytes(40)
    path.write_bytes(raw)
    with pytest.raises(MartletError, match="is damaged: it is no MATLAB file"):
        read_scene(path)
    path.write_bytes(b"not what it is called")
    with pytest.raises(MartletError, match="cannot be read"):
        read_scene(path)
