"""Files that are no weights, as users have them under the names of weights."""

import gzip
import io
import tarfile
import zipfile
from pathlib import Path

import pytest
import safetensors.torch
import torch

from martlet.models.weights.file_kinds import not_weights


def saved(**options: bool) -> bytes:
    stream = io.BytesIO()
    torch.save({"a": torch.eye(99)}, stream, **options)
    return stream.getvalue()


def packed(name: str) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr(name, b"content")
    return stream.getvalue()


def tar(compression: str = "") -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode=f"w:{compression}") as archive:
        archive.addfile(tarfile.TarInfo("net.pth"))
    return stream.getvalue()


def script() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name in ("net/data.pkl", "net/constants.pkl", "net/code/__torch__.py"):
            archive.writestr(name, b"content")
    return stream.getvalue()


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "is empty; download it again"),
        (
            b"<!DOCTYPE html><html><title>Quota exceeded</title></html>",
            "is a web page, not weights",
        ),
        (b"\r\n  <HTML><body>404", "is a web page"),
        (b"\xef\xbb\xbf<html>", "is a web page"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\nsize 5\n", "`git lfs pull`"),
        (b'<?xml version="1.0"?><Error><Code>AccessDenied</Code>', "as a server answers when"),
        (b'{"message": "Not Found"}', "as a server answers when"),
        (b"Access denied: caf\xc3\xa9", "is a text that begins with 'Access denied"),
        (saved()[:9000], "is cut short: it ends after 9,000 bytes, in the middle of the archive"),
        (tar(), r"is a tar archive that holds 'net.pth'; unpack it \(`tar xf`\)"),
        (tar("gz"), "is a tar archive that holds 'net.pth'"),
        (gzip.compress(b"x"), "is packed by gzip"),
        (packed("net.pth"), "is a zip archive that holds 'net.pth'; unpack it"),
        (packed("model.weights.h5"), "is a network of Keras"),
        (packed("arr_0.npy"), "holds arrays of NumPy"),
        (script(), r"is a TorchScript program.*torch\.jit\.load"),
        (b"\x89HDF\r\n\x1a\n\0\0", "is an HDF5 file, as Keras writes it"),
        (b"\x1c\0\0\0TFL3\0\0", "is a network for TensorFlow Lite"),
        (b"\x93NUMPY\x01\0", "is an array of NumPy"),
    ],
    ids=range(19),
)
def test_what_the_file_is(tmp_path: Path, content: bytes, sentence: str) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    with pytest.raises(AssertionError, match=sentence):
        raise AssertionError(not_weights(tmp_path / "net.pth"))
    assert "\n" not in not_weights(tmp_path / "net.pth")


@pytest.mark.parametrize(
    "content",
    [
        saved(),
        saved(_use_new_zipfile_serialization=False),
        saved(_use_new_zipfile_serialization=False)[:900],
        safetensors.torch.save({"a": torch.eye(3)}),
        bytes(range(256)),
        b" \xb4\0\0\0",  # the first bytes of a file of safetensors
    ],
    ids=range(6),
)
def test_what_may_be_weights(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.pth").write_bytes(content)
    assert not_weights(tmp_path / "net.pth") == ""
