"""A run in MLflow: where MLFLOW_TRACKING_URI and MLFLOW_EXPERIMENT_NAME say, or as usual."""

import os
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.training.trackers import About, Row

EXPERIMENT = "martlet"  # where the environment names none
LONGEST_PARAM = 250  # characters; older servers take no more
MISSING = "RESOURCE_DOES_NOT_EXIST"


def connect(about: About, known: Mapping[str, Any]) -> "MLflow":
    """The run that is `known`, if the server still has it, or a new one with its params."""
    from mlflow import MlflowClient
    from mlflow.entities import Param
    from mlflow.exceptions import MlflowException

    client = MlflowClient()
    if "run_id" in known:
        try:
            found = MLflow(client, known["run_id"])
            client.update_run(found.run_id, status="RUNNING")
            found.look()
            return found
        except MlflowException as error:
            if error.error_code != MISSING:
                raise
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    experiment = client.get_experiment_by_name(name)
    number = client.create_experiment(name) if experiment is None else experiment.experiment_id
    run = client.create_run(number, run_name=about.name)
    params = [Param(key, str(value)[:LONGEST_PARAM]) for key, value in about.params.items()]
    client.log_batch(run.info.run_id, params=params)
    return MLflow(client, run.info.run_id)


class MLflow:
    """A run of an MLflow client; `told` has the last step of each metric."""

    def __init__(self, client: Any, run_id: str) -> None:
        self.client, self.run_id = client, run_id
        self.told: dict[str, int] = {}

    def look(self) -> None:
        """See how far the server was told before."""
        for name in self.client.get_run(self.run_id).data.metrics:
            history = self.client.get_metric_history(self.run_id, name)
            self.told[name] = max((metric.step for metric in history), default=-1)

    def known(self) -> dict[str, Any]:
        """The id of the run."""
        return {"run_id": self.run_id}

    def tell(self, rows: Sequence[Row]) -> None:
        """Metrics with the epoch as their step."""
        for row in rows:
            named = {key.replace("_", "/", 1): x for key, x in row.items() if key != "epoch"}
            self._log(named, int(row["epoch"]))

    def finish(self, metrics: Row, files: Sequence[Path]) -> None:
        """Metrics of the part that was scored; the files as artifacts."""
        self._log(metrics, max(self.told.values(), default=0))
        for path in files:
            self.client.log_artifact(self.run_id, str(path))

    def close(self, *, finished: bool) -> None:
        """Set the run's state."""
        self.client.set_terminated(self.run_id, "FINISHED" if finished else "KILLED")

    def _log(self, values: Row, step: int) -> None:
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        new = {name: x for name, x in values.items() if self.told.get(name, -1) < step}
        if new:
            metrics = [Metric(name, value, now, step) for name, value in new.items()]
            self.client.log_batch(self.run_id, metrics=metrics)
            self.told |= dict.fromkeys(new, step)
