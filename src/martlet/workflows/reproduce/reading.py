"""Where experiments lie, and how one is found."""

from collections.abc import Callable
from pathlib import Path

from martlet.errors import MartletError, unknown
from martlet.workflows.reproduce.experiment import Experiment
from martlet.workflows.reproduce.experiment_file import ExperimentFile
from martlet.workflows.reproduce.shares import OPERATORS, SharesExperiment, read_shares
from martlet.workflows.reproduce.speed import SpeedExperiment
from martlet.workflows.reproduce.speed_file import SPEED, read_speed
from martlet.workflows.reproduce.training_file import FOLDER, SETTINGS, TrainingFile

AnyExperiment = Experiment | SpeedExperiment | SharesExperiment


def names() -> list[str]:
    """Of all experiments in the package, sorted."""
    return sorted(
        path.stem.replace("_", "-") for path in FOLDER.glob("*.toml") if path.stem != SETTINGS
    )


def find(name: str, thorough: bool = True) -> AnyExperiment:
    """An experiment by its name, or by the path of a file.

    thorough: each network is built, to see that it can be.

    Raises MartletError for an unknown name, and for whatever is wrong in the file, with its line.
    """
    if name.endswith(".toml"):
        path = Path(name)
        if path.stem.replace("_", "-") in names() and path.resolve().parent != FOLDER.resolve():
            raise MartletError(
                f"{name} is called as an experiment of the package, whose results it would "
                "replace; rename the file."
            )
        return read(path, thorough)
    name = name.replace("_", "-")
    if name not in names():
        raise MartletError(
            f"{unknown('experiment', name, names())} `martlet reproduce` lists them; a file's name "
            "ends in .toml."
        )
    return read(FOLDER / f"{name.replace('-', '_')}.toml", thorough)


def read(path: Path, thorough: bool = True) -> AnyExperiment:
    """An experiment from its file; raises MartletError for whatever is wrong in it."""
    file = ExperimentFile(path)
    readers: dict[str, Callable[[ExperimentFile], AnyExperiment]] = {
        SPEED: read_speed,
        OPERATORS: read_shares,
    }
    kind = file.values.get("kind")
    if kind is None:
        return TrainingFile(file, thorough).experiment()
    if kind not in readers:
        raise unknown(f"{file.at('kind')}: kind", str(kind), list(readers))
    return readers[kind](file)
