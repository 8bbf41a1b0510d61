"""What a file is when it is not the weights that its name says, and what to do about it."""

import tarfile
import zipfile
from itertools import islice
from pathlib import Path

from martlet.errors import quoted

HEAD_BYTES = 4096  # that tell what a file is
NETWORK_BYTES = (  # first bytes, what they are of
    (b"\x89HDF\r\n\x1a\n", "an HDF5 file, as Keras writes it"),
    (b"\x93NUMPY", "an array of NumPy"),
    (b"\x89PNG\r\n\x1a\n", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF"),
)
PACKED = ((b"\x1f\x8b", "gzip"), (b"BZh", "bzip2"), (b"\xfd7zXZ\0", "xz"), (b"7z\xbc\xaf", "7z"))
SAVE = "save the weights with `torch.save(model.state_dict(), …)`"
AGAIN = "download it again"


def not_weights(path: Path) -> str:
    """What the file is, and the way out, to stand behind its name: "is empty; download it again".

    "" for what may be weights: an archive of PyTorch, a pickle, safetensors. Reads the first bytes,
    and of an archive the names in it.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head:
        return f"is empty; {AGAIN}"
    if head.startswith(b"PK\x03\x04"):
        return _zip(path)
    if tarfile.is_tarfile(path):
        inside = _names_in_tar(path)
        return f"is a tar archive{inside}; unpack it (`tar xf`) and give the file of weights in it"
    for start, packer in PACKED:
        if head.startswith(start):
            return f"is packed by {packer}; unpack it and give the file of weights in it"
    for start, what in NETWORK_BYTES:
        if head.startswith(start):
            return f"is {what}, not weights of PyTorch; {SAVE}"
    if head[4:8] == b"TFL3":
        return f"is a network for TensorFlow Lite, not weights of PyTorch; {SAVE}"
    if path.suffix == ".onnx":
        return f"is an ONNX network; give the weights that it was exported from: {SAVE}"
    return _text(head)


def _text(head: bytes) -> str:
    """What a text is of; "" for other bytes."""
    try:
        text = head.decode("utf-8").lstrip("\ufeff \r\n\t")
    except UnicodeDecodeError as error:
        cut_in_two = error.reason == "unexpected end of data" and error.start >= len(head) - 4
        if not cut_in_two:
            return ""
        text = head[: error.start].decode("utf-8")
    if any(ord(letter) < 32 and letter not in "\r\n\t\f" for letter in text):
        return ""
    start = text[:200].lower()
    if start.startswith("version https://git-lfs"):
        return (
            "is a pointer of Git LFS that stands for the weights; fetch them with `git lfs pull` "
            "in its repository, or download the file itself"
        )
    if start.startswith(("<!doctype html", "<html", "<head", "<script")):
        return (
            "is a web page, not weights: the server sent it instead of the file; open the address "
            "in a browser and download the file itself"
        )
    if start.startswith(("<?xml", "{", "[")):
        return f"is a text, as a server answers when it does not send the file; {AGAIN}"
    return f"is a text that begins with {text[:30]!r}, not weights; give the file of weights"


def _zip(path: Path) -> str:
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError):
        size = path.stat().st_size
        return f"is cut short: it ends after {size:,} bytes, in the middle of the archive; {AGAIN}"
    if any(name.endswith("/constants.pkl") and "/code/" in " ".join(names) for name in names):
        return (
            "is a TorchScript program, which is not run; save its weights with "
            "`torch.save(torch.jit.load(…).state_dict(), …)`"
        )
    if any(name.rpartition("/")[2] == "data.pkl" for name in names):
        return ""
    if any(name.endswith("model.weights.h5") for name in names):
        return f"is a network of Keras, not weights of PyTorch; {SAVE}"
    if names and all(name.endswith(".npy") for name in names):
        return f"holds arrays of NumPy, not weights of PyTorch; {SAVE}"
    listed = _listed(names)
    return f"is a zip archive{listed}; unpack it and give the file of weights in it"


def _names_in_tar(path: Path) -> str:
    try:
        with tarfile.open(path) as archive:
            return _listed(list(islice((entry.name for entry in archive if entry.isfile()), 4)))
    except (tarfile.TarError, OSError, EOFError):
        return ", and cut short"


def _listed(names: list[str]) -> str:
    shown = ", ".join(map(quoted, names[:3])) + (", …" if len(names) > 3 else "")
    return f" that holds {shown}" if names else ", and empty"
