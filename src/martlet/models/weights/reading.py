"""Weight files of other libraries: .pth and .pt (pickled tensors) and .safetensors."""

import pickle
import warnings
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError
from torch import Tensor

from martlet.errors import MartletError

SUFFIXES = (".pth", ".pt", ".bin", ".tar", ".safetensors")
INSIDE = ("state_dict", "model")  # where training scripts put the weights in what they save
PREFIXES = ("module.", "_orig_mod.")  # put before every name by DataParallel and torch.compile


def read_weights(path: Path) -> dict[str, Tensor]:
    """The tensors of a file by name, on the CPU.

    Pickled code is refused, never run. Raises MartletError for a file that is missing, corrupt,
    of another kind, or holds anything but named tensors, and for a tensor that is no plain array of
    real, finite numbers.
    """
    if path.suffix not in SUFFIXES:
        raise MartletError(f"{path} is not accepted; give a file of {', '.join(SUFFIXES)}.")
    if not path.is_file():
        raise MartletError(f"{path} does not exist; give a file of weights.")
    content = _safetensors(path) if path.suffix == ".safetensors" else _pickled(path)
    for key in INSIDE:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    named = isinstance(content, dict) and all(isinstance(name, str) for name in content)
    if not named or not content or not all(isinstance(t, Tensor) for t in content.values()):
        raise MartletError(
            f"{path} holds no named tensors; give what `torch.save(model.state_dict(), …)` wrote, "
            f"by itself or under {' or '.join(map(repr, INSIDE))}."
        )
    for prefix in PREFIXES:
        if all(name.startswith(prefix) for name in content):
            content = {name.removeprefix(prefix): tensor for name, tensor in content.items()}
    for name, tensor in content.items():
        if fault := _fault(tensor):
            raise MartletError(f"{path} is not accepted; its tensor {name!r} {fault}.")
    return content


def _fault(tensor: Tensor) -> str:
    """What keeps a tensor from being weights, "" for nothing."""
    if tensor.is_meta:
        return "has a shape, but no numbers"
    if tensor.is_quantized:
        return "is quantised"
    if tensor.layout != torch.strided:
        return "is sparse"
    if tensor.is_complex():
        return "holds complex numbers"
    if tensor.is_floating_point() and not tensor.float().isfinite().all():
        return "holds numbers that are infinite or NaN"
    return ""


def _safetensors(path: Path) -> Any:
    try:
        return safetensors.torch.load_file(path)
    except (SafetensorError, OSError) as error:
        raise MartletError(f"{path} is corrupt or cut short ({error}).") from error


def _pickled(path: Path) -> Any:
    with warnings.catch_warnings(record=True) as noted:  # of torch, on what the file is made of
        warnings.simplefilter("always")
        try:
            return torch.load(path, map_location="cpu", weights_only=True)
        except pickle.UnpicklingError as error:
            if "GLOBAL" in str(error):
                reason = "holds pickled code, which is not run"
            elif "operand" in str(error) and any("protocol" in str(note.message) for note in noted):
                reason = "is a pickle that cannot be read without running code in it"
            else:
                raise MartletError(f"{path} is corrupt or no file of PyTorch.") from error
            raise MartletError(
                f"{path} {reason}; save the weights alone with `torch.save(model.state_dict(), …)`."
            ) from error
        except Exception as error:  # bytes that are no pickle fail in all kinds of ways
            raise MartletError(f"{path} is corrupt or no file of PyTorch.") from error
