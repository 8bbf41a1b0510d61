import io
import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat
from scipy.sparse import csc_array

from martlet.data.mat_tags import check_tags
from martlet.errors import MartletError

ARRAYS: dict[str, Any] = {
    "numbers": np.arange(24.0).reshape(4, 6),
    "small": np.arange(3, dtype=np.uint8),
    "complex": np.array([1 + 2j]),
    "text": "walking",
    "empty": np.zeros((0, 3)),
    "cells": np.array([["a", "bb"], ["ccc", np.ones(3)]], dtype=object),
    "struct": {"x": 1, "y": "two"},
    "sparse": csc_array(np.eye(3)),
}


def written(arrays: dict[str, Any], **options: bool) -> bytes:
    stream = io.BytesIO()
    savemat(stream, arrays, **options)
    return stream.getvalue()


@pytest.mark.parametrize("compressed", [False, True])
@pytest.mark.parametrize("name", ARRAYS)
def test_what_is_whole_passes(name: str, compressed: bool) -> None:
    check_tags(written({name: ARRAYS[name]}, do_compression=compressed), "a.mat")
    check_tags(written(ARRAYS, do_compression=compressed), "a.mat")


@pytest.mark.parametrize(
    ("at", "value", "message"),
    [
        (128, 3, "an element of type 3"),
        (132, 255, "an element of 511 bytes|an element of 255 bytes where"),
        (136, 5, "an array with type 5 where 6 belongs"),
        (140, 4, "an array without its flags"),
        (145, 8, "an array without its values"),  # said to be complex
        (152, 6, None),  # some programs write whole numbers without a sign
        (152, 9, "an array with type 9 where 5 belongs"),
        (163, 255, r"an array of \(-16777212, 6\)"),
        (168, 9, "an array with type 9 where 1 belongs"),
        (192, 0, "an element of type 0"),  # these end the process when scipy reads them
        (192, 255, "an element of type 255"),
    ],
)
def test_a_changed_byte(at: int, value: int, message: str | None) -> None:
    content = bytearray(written({"sensor_readings": np.ones((4, 6))}))
    content[at] = value
    if message is None:
        check_tags(bytes(content), "a.mat")
        return
    with pytest.raises(MartletError, match=f"^'a.mat' is damaged: .*({message})"):
        check_tags(bytes(content), "a.mat")


def test_a_cell_array_that_lacks_cells() -> None:
    content = written({"c": np.array([["a", "b"]], dtype=object)})
    size = int.from_bytes(content[132:136], "little")
    cut = content[:132] + (size - 56).to_bytes(4, "little") + content[136 : 136 + size - 56]
    with pytest.raises(
        MartletError, match=r"a cell array of \(1, 2\) with 1 elements|behind the last"
    ):
        check_tags(cut, "a.mat")


@pytest.mark.parametrize("compressed", [False, True])
def test_a_file_cut_short(compressed: bool) -> None:
    content = written({"x": ARRAYS["numbers"]}, do_compression=compressed)
    for end in (130, 150, 190, len(content) - 4):
        with pytest.raises(MartletError, match="is damaged"):
            check_tags(content[:end], "a.mat")


def compressed(content: bytes, named: int) -> bytes:
    """A file with one compressed element, an array that says it has `named` bytes."""
    packed = zlib.compress(struct.pack("<II", 14, named) + content, 9)
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM"
    return header + struct.pack("<II", 15, len(packed)) + packed


@pytest.mark.parametrize("named", [64, 20_000_000])
def test_a_small_file_that_unpacks_to_much(named: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.memory.available_bytes", lambda: 4_000_000)
    content = compressed(bytes(20_000_000), named)
    assert len(content) < 40_000
    why = {
        64: r"^'a\.mat' is damaged: .*that does not end behind the 64 bytes it names",
        20_000_000: r"^'a\.mat': a compressed array in it needs 20 MB of .* and 4 MB are free; ",
    }
    tracemalloc.start()
    try:
        with pytest.raises(MartletError, match=why[named]):
            check_tags(content, "a.mat")
        assert tracemalloc.get_traced_memory()[1] < 4_000_000
    finally:
        tracemalloc.stop()


def test_a_compressed_element_without_an_array() -> None:
    content = bytearray(compressed(b"", 0))
    assert check_tags(bytes(content), "a.mat") is None
    packed = zlib.compress(b"1234")
    cut = content[:128] + struct.pack("<II", 15, len(packed)) + packed
    with pytest.raises(MartletError, match="a compressed element without an array"):
        check_tags(bytes(cut), "a.mat")


def test_other_files_are_left_to_others() -> None:
    for content in (b"", b"text", b"\0" * 200, b"\x89HDF\r\n\x1a\n" + b"\0" * 200):
        check_tags(content, "a.mat")
