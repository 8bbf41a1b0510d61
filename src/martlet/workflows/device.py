"""The device that a network runs on, by the name that a user gives it."""

import torch

from martlet.errors import MartletError


def choose_device(name: str) -> torch.device:
    """The torch device of this name; "auto" takes a GPU when there is one."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    available = {
        "cpu": True,
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
    }
    if not available.get(name.split(":")[0], False):
        usable = ", ".join(["auto", *(n for n, there in available.items() if there)])
        raise MartletError(f"device={name!r} is not to be had here; accepted: {usable}.")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise MartletError(
            f"device={name!r} is not accepted; give a name, or a name and a number as in cuda:0."
        ) from error
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise MartletError(
            f"device={name!r} is not to be had here; there are {torch.cuda.device_count()}, "
            "counted from cuda:0."
        )
    return device
