"""Weight files of other libraries: pickled tensors (.pth, .pt, .bin, .ckpt, .tar), safetensors."""

import pickle
import warnings
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from martlet import memory
from martlet.errors import MartletError, quoted
from martlet.models.weights.file_kinds import AGAIN, not_weights
from martlet.models.weights.unwrapping import Candidate, candidates

SAVE_ALONE = "save the weights alone with `torch.save(model.state_dict(), …)`"
FLOAT32_BYTES = 4


class Beside:
    """Stands for a value beside the weights, a number of NumPy's, say: it is not made, nor read."""

    def __new__(cls, *_: object) -> "Beside":
        return super().__new__(cls)

    def __init__(self, *_: object) -> None:
        pass

    def __setstate__(self, _: object) -> None:
        pass


# Types of values that training programs save beside the weights.
BESIDE = (
    *("argparse.Namespace", "types.SimpleNamespace", "numpy.dtype", "numpy.ndarray"),
    *(f"numpy.{core}.multiarray.{f}" for core in ("core", "_core") for f in ("scalar",)),
    *(f"numpy.{core}.multiarray._reconstruct" for core in ("core", "_core")),
    *(f"numpy.dtypes.{kind}DType" for kind in ("Float64", "Float32", "Int64", "Int32", "Bool")),
    *(f"pathlib.{kind}Path" for kind in ("Posix", "PurePosix", "Windows", "PureWindows", "")),
    *(f"pathlib._local.{kind}Path" for kind in ("Posix", "PurePosix", "Windows", "")),
    *("datetime.datetime", "datetime.date", "datetime.timedelta", "uuid.UUID"),
)


def read_weights(path: Path) -> list[Candidate]:
    """The named tensors that a file may mean, on the CPU, the likeliest first, and their faults.

    What the file is decides, not its suffix. Pickled code is refused, never run. Raises
    MartletError, which says what the file is, when it is missing, corrupt, of another kind, or
    holds no named tensors.
    """
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise MartletError(f"{path} {what}; give a file of weights.")
    try:
        if reason := not_weights(path):
            raise MartletError(f"{path} {reason}.")
        if is_pickled(path) or not _is_safetensors(path):
            content = _pickled(path)
        else:
            content = _safetensors(path)
    except OSError as error:
        raise MartletError(f"{path} cannot be read ({error.strerror or error}).") from error
    found = candidates(content)
    if not found:
        raise MartletError(
            f"{path} holds no named tensors; give what `torch.save(model.state_dict(), …)` wrote, "
            "by itself or in a table of a training program."
        )
    # A number that is repeated, by `expand`, takes no place in the file, but all of it when copied.
    numbers = max(sum(tensor.numel() for tensor in one.state.values()) for one in found)
    _require(FLOAT32_BYTES * numbers, path)
    return [replace(one, fault=_said(one.state, path, _no_plain_array)) for one in found]


def is_pickled(path: Path) -> bool:
    """Whether the file begins as an archive of PyTorch, or a pickle, does."""
    with path.open("rb") as file:
        head = file.read(4)
    return head == b"PK\x03\x04" or head[:2] in (b"\x80\2", b"\x80\3", b"\x80\4", b"\x80\5")


def _is_safetensors(path: Path) -> bool:
    """By its name, or the first sign of its table behind eight bytes for its length."""
    with path.open("rb") as file:
        return path.suffix == ".safetensors" or file.read(9)[8:] == b"{"


def check_tensors(state: Mapping[str, Tensor], path: Path) -> None:
    """Raises MartletError for a tensor of numbers that are infinite or NaN.

    Of tensors that `read_weights` found to be plain arrays.
    """
    if fault := _said(state, path, _not_finite):
        raise MartletError(fault)


def _said(state: Mapping[str, Tensor], path: Path, fault_of: Callable[[Tensor], str]) -> str:
    """The sentence on the first tensor that has a fault, "" for none."""
    for name, tensor in state.items():
        if fault := fault_of(tensor):
            return f"{path} is not accepted; its tensor {quoted(name)} {fault}."
    return ""


def _no_plain_array(tensor: Tensor) -> str:
    """What keeps a tensor from being an array of real numbers, "" for nothing."""
    if tensor.is_nested:
        return "is nested, a list of several"
    if tensor.is_meta:
        return "has a shape, but no numbers"
    if tensor.layout != torch.strided:
        return "is sparse"
    if tensor.is_quantized:
        return "is quantised"
    if tensor.is_complex():
        return "holds complex numbers"
    return ""


def _not_finite(tensor: Tensor) -> str:
    if tensor.is_floating_point() and not tensor.float().isfinite().all():
        if tensor.dtype == torch.float16:
            return (
                "holds numbers that are infinite or NaN, as float16 has them beyond 65504; save "
                "the weights in float32"
            )
        return "holds numbers that are infinite or NaN; take a checkpoint from before that"
    return ""


def _safetensors(path: Path) -> Any:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise MartletError(f"{path} is corrupt or cut short ({error}); {AGAIN}.") from error


def _pickled(path: Path) -> Any:
    try:
        if zipfile.is_zipfile(path):
            with zipfile.ZipFile(path) as archive:
                _require(sum(entry.file_size for entry in archive.infolist()), path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError) as error:
        raise _corrupt(path) from error
    with (
        warnings.catch_warnings(record=True) as noted,  # of torch, on what the file is made of
        torch.serialization.safe_globals([(Beside, name) for name in BESIDE]),
    ):
        warnings.simplefilter("always")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            if "GLOBAL" in str(error) or "unrecognized function" in str(error):
                reason = "holds pickled code, which is not run"
            elif "operand" in str(error) and any("protocol" in str(note.message) for note in noted):
                reason = "is a pickle that cannot be read without running code in it"
            else:
                raise _corrupt(path) from error
            raise MartletError(f"{path} {reason}; {SAVE_ALONE}.") from error
        except Exception as error:  # bytes that are no pickle fail in all kinds of ways
            raise _corrupt(path) from error


def _require(needed: int, path: Path) -> None:
    size = memory.in_words(path.stat().st_size)
    memory.require_memory(needed, f"{path}, a file of {size},", "give a file of weights that fits")


def _corrupt(path: Path) -> MartletError:
    return MartletError(
        f"{path} is corrupt or no file of PyTorch; {AGAIN}, or give a file of weights."
    )
