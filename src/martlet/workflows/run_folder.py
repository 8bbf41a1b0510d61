"""A run folder: where it lies, what is in it, and when a new run may take its place."""

import json
from collections.abc import Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from martlet.data.saved_split import is_saved
from martlet.errors import MartletError
from martlet.storage.claim import CLAIM
from martlet.storage.locks import TEMPORARY
from martlet.storage.staging import staging
from martlet.training.run_files import METRICS, MODEL, RESUME, TRACKERS

SPLIT = "split.json"
PAGE = "report.html"
EXPORTED = "model.onnx"
MAPS = {  # of a scene, with their titles in the report
    "scene.png": "The scene",
    "truth.png": "Truth",
    "split.png": "Split",
    "map/classes.png": "Prediction",
    "errors.png": "Mistakes",
    "map/probability.png": "Probability of the prediction",
}
SPECTRA = "spectra.png"
RELIABILITY = "reliability.png"
PAIRS = "near_duplicates.png"
SUSPECTS, SHEET_OF_SUSPECTS = "suspects.csv", "suspects.png"  # labels in doubt
ROOFLINE = ("roofline.png", "roofline.csv")  # of `measure --roofline`
PICTURES = (
    *("curves.png", "confusion.png", RELIABILITY, "predictions.png", "windows.png", SPECTRA),
    *(PAIRS, SHEET_OF_SUSPECTS, *MAPS),
)
FILES = (MODEL, RESUME, METRICS, TRACKERS, SPLIT, SUSPECTS, PAGE, EXPORTED, *PICTURES, *ROOFLINE)
EVENTS = "events.out.tfevents.*"
MAP = "map"  # where training puts the map of its scene
EXPLAINED = "explained"  # where `explain` puts its pictures, and the end of their names
COMPILED = ("c", "model")  # where `export` and `compile` put the C of the run's network


def holds_model(folder: Path) -> bool:
    """Whether a folder is of a run that ended an epoch."""
    return (folder / MODEL).exists()


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
    when `overwrite` points at a folder that holds no run, and for a name that is not UTF-8.
    """
    try:
        str(folder.absolute()).encode()
    except UnicodeEncodeError as error:
        raise MartletError(
            f"the run folder {str(folder)!r} has a name that is not UTF-8, and TensorBoard writes "
            "into no such folder; give another --name or --folder."
        ) from error
    if resume and overwrite:
        raise MartletError("resume and overwrite cannot both be set; choose one.")
    names = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    found = {name for name in names if name != CLAIM and not TEMPORARY.fullmatch(name)}
    if not found or (resume and (RESUME in found or _at_its_start(folder, found))):
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
    if not _is_run(folder):
        raise MartletError(f"{folder} holds no run of martlet; --overwrite leaves it alone.")


def new_run(folder: Path) -> AbstractContextManager[Path]:
    """Where the first files of a run are written to, so that they take its place together.

    Only when all of them are there do they move into `folder`, the checkpoint last, and then what
    an earlier run left there is removed; files that are not ours stay.
    """
    old = [*_written_by_us(folder), *(name for sub in COMPILED for name in _compiled(folder, sub))]
    old += [f"{MAP}/{name}" for name in _mapped(folder / MAP)]
    explained = (folder / EXPLAINED).glob(f"*_{EXPLAINED}.png")
    old += [f"{EXPLAINED}/{path.name}" for path in explained]
    return staging(folder, old, last=RESUME)


def _at_its_start(folder: Path, found: set[str]) -> bool:
    """Whether a run was killed while its first files took their places, the checkpoint last.

    Weights among them are those of a classifier in closed form, which is fitted again.
    """
    if found <= {SPLIT} or not found <= {SPLIT, MODEL}:
        return found == {SPLIT}
    from martlet.training import checkpoint

    with suppress(MartletError):
        return checkpoint.load_header(folder / MODEL).metrics.get("epoch") == 0
    return False


def _is_run(folder: Path) -> bool:
    """Whether a file that no other program writes says so: names alone are others' names too."""
    from martlet.training import checkpoint  # torch, and only --overwrite asks

    for name in (RESUME, MODEL):
        with suppress(MartletError):
            checkpoint.load_header(folder / name)
            return True
    with suppress(MartletError):
        return is_saved(read_json(folder / SPLIT))
    return False


def _written_by_us(folder: Path) -> list[str]:
    found = folder.iterdir() if folder.is_dir() else ()
    return [path.name for path in found if path.name in FILES or path.match(EVENTS)]


def _mapped(folder: Path) -> list[str]:
    """Names of the files of a scene's map."""
    if not any((folder / name).exists() for name in ("classes.npy", "unfinished.json")):
        return []
    stems = ("classes", "probability", "unfinished")
    return [path.name for path in folder.iterdir() if path.name.split(".")[0] in stems]


def _compiled(folder: Path, sub: str) -> list[str]:
    """Names of the files that `export` and `compile` wrote into a folder of C."""
    from martlet.compiler.artifacts import files_of

    return [f"{sub}/{path.name}" for path in files_of(folder / sub)]


def read_json(path: Path) -> Any:
    """The content of a JSON file; raises MartletError when it is damaged."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise MartletError(f"{path} is damaged ({error}).") from error
