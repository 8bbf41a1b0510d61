"""config.json beside weights of timm, as its repositories on the Hugging Face hub hold it."""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError


def hub_model(file: Path) -> str | None:
    """The network of timm that a config.json beside `file` names, if there is one."""
    content = _config(file)
    told = content.get("architecture") if isinstance(content, dict) else None
    return told if isinstance(told, str) and "pretrained_cfg" in content else None


def _config(file: Path) -> Any:
    try:
        return json.loads(file.with_name("config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None


def hub_settings(file: Path, model: str, given: Collection[str] = ()) -> dict[str, Any]:
    """How timm prepares pictures for the weights `file`, as its config.json beside it says.

    That is how a repository of its weights lies on the Hugging Face hub. Empty when there is none,
    or it is of another model. Settings that are `given` are not looked at. Raises MartletError,
    which names the file, for a value that is not accepted.
    """
    path = file.with_name("config.json")
    content = _config(file)
    if not isinstance(content, dict) or content.get("architecture") != model:
        return {}
    config = content.get("pretrained_cfg", {})
    if not isinstance(config, dict):
        raise MartletError(f"{path}: pretrained_cfg={config!r} is not a table of settings.")
    names = ("crop_pct", "interpolation", "mean", "std")
    settings = {
        name: config[name] for name in names if config.get(name) is not None and name not in given
    }
    if "input_size" in config and "size" not in given:
        shape = config["input_size"]
        if not isinstance(shape, list) or len(shape) != 3 or shape[1] != shape[2]:
            raise MartletError(
                f"{path}: input_size={shape!r} is not [channels, side, side]; correct it, or give "
                "the image size."
            )
        settings["size"] = shape[2]
    for name, value in settings.items():
        channels = "L" if isinstance(value, list) and len(value) == 1 else "RGB"
        try:
            Preprocess(**{"size": 224, "channels": channels, name: value})
        except MartletError as error:
            raise MartletError(f"{path}: {error}") from error
    return settings
