"""A run in Weights & Biases: in the project of WANDB_PROJECT, in the mode of WANDB_MODE."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.training.trackers import About, Row

PROJECT = "martlet"  # where the environment names none


def connect(about: About, known: Mapping[str, Any]) -> "Wandb":
    """The run that is `known`, or a new one with its params."""
    import wandb

    run = wandb.init(
        project=os.environ.get("WANDB_PROJECT", PROJECT),
        name=about.name,
        id=known.get("id"),
        resume="allow",
        config=dict(about.params),
        dir=str(about.folder),
    )
    # A server knows its next step. Offline nothing does, and what was handed over counts.
    told = int(run.step) - 1 if run.step else int(known.get("told", 0))
    return Wandb(run, told)


class Wandb:
    """A run of the wandb library; `told` is the last epoch that it has."""

    def __init__(self, run: Any, told: int) -> None:
        self.run, self.told = run, told

    def known(self) -> dict[str, Any]:
        """The id of the run, and how far it was told."""
        return {"id": self.run.id, "told": self.told}

    def tell(self, rows: Sequence[Row]) -> None:
        """A row of the history each, with the epoch as its step."""
        for row in rows:
            if row["epoch"] > self.told:
                self.told = int(row["epoch"])
                named = {key.replace("_", "/", 1): value for key, value in row.items()}
                self.run.log(named, step=self.told)

    def finish(self, metrics: Row, files: Sequence[Path]) -> None:
        """The summary of the run, and the files as one artifact."""
        import wandb

        self.run.summary.update(dict(metrics))
        artifact = wandb.Artifact(f"run-{self.run.id}", "run")
        for path in files:
            artifact.add_file(str(path))
        self.run.log_artifact(artifact)

    def close(self, *, finished: bool) -> None:
        """Hand over what is left."""
        self.run.finish(exit_code=0 if finished else 1)
