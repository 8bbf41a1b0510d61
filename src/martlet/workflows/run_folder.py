"""A run folder: where it lies, what is in it, and when a new run may take its place."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from martlet.errors import MartletError
from martlet.training.run_files import METRICS, MODEL, RESUME

SPLIT = "split.json"
PAGE = "report.html"
EXPORTED = "model.onnx"
FILES = (MODEL, RESUME, SPLIT, METRICS, PAGE, EXPORTED)
PICTURES = ("curves.png", "confusion.png", "predictions.png")
PATTERNS = ("events.out.tfevents.*", ".*.tmp")  # the second: left by a killed process


@dataclass(frozen=True)
class Run:
    """A finished training run."""

    folder: Path
    metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def checkpoint(self) -> Path:
        """The best weights, with all that is needed to predict."""
        return self.folder / MODEL


def check_folder(folder: Path, *, resume: bool, overwrite: bool) -> None:
    """An earlier run in `folder` is never lost without being told to; touches nothing.

    Raises MartletError when something stands there and neither `resume` nor `overwrite` is set,
    or when `overwrite` points at a folder that holds no run.
    """
    if resume and overwrite:
        raise MartletError("resume and overwrite cannot both be set; choose one.")
    if folder.exists() and not folder.is_dir():
        raise MartletError(f"{folder} is a file; choose another name for the run.")
    found = sorted(folder.iterdir()) if folder.is_dir() else []
    begun = all(path.name == SPLIT or _matches(path) for path in found)  # killed at its very start
    if not found or (resume and (begun or folder / RESUME in found)):
        return
    if resume:
        raise MartletError(
            f"{folder} has no {RESUME} to go on from, but files that a new run would replace; "
            "choose another --name, or --overwrite."
        )
    if not overwrite:
        raise MartletError(
            f"{folder} exists already; use --resume to go on with that run, --name for another "
            "folder, or --overwrite to replace it."
        )
    if not _written_by_us(folder):
        raise MartletError(f"{folder} holds no run of martlet; --overwrite leaves it alone.")


def clear_folder(folder: Path) -> None:
    """Remove the files of an earlier run; files that are not ours stay."""
    for path in _written_by_us(folder):
        path.unlink()


def _written_by_us(folder: Path) -> list[Path]:
    found = folder.iterdir() if folder.is_dir() else ()
    return [path for path in found if path.name in FILES + PICTURES or _matches(path)]


def _matches(path: Path) -> bool:
    return any(path.match(pattern) for pattern in PATTERNS)


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises MartletError when it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise MartletError(f"{path} is damaged ({error}).") from error
