"""Runs on the machines of a Ray cluster; claims and the record stay with the runner here.

Data, list and folder have the same paths on all machines; what a run came to travels back as plain
data, and its folder stays where it was trained.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from martlet.errors import MartletError
from martlet.workflows.reproduce.tasks import Task
from martlet.workflows.reproduce.train_run import carry_out

LOCAL = "local"  # a cluster of this machine alone, made for the time being


def connected(
    address: str, at_once: int | None
) -> tuple[Callable[[Task, Path], dict[str, Any]], int]:
    """What does a run on the cluster, and how many at once: as many as it has processors.

    Raises MartletError without the package, and when no cluster answers.
    """
    try:
        import ray
    except ImportError as error:
        raise MartletError(
            f"ray={address!r} needs the package ray; install it with `pip install martlet[ray]`."
        ) from error
    try:
        if not ray.is_initialized():
            ray.init(
                address=None if address == LOCAL else address,
                log_to_driver=False,
                include_dashboard=False if address == LOCAL else None,
            )
    except (ConnectionError, RuntimeError, ValueError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0].rstrip(".")
        raise MartletError(
            f"ray={address!r} does not answer ({reason}); give the address of a running cluster, "
            f"or {LOCAL}."
        ) from error
    remote = ray.remote(num_cpus=1, max_retries=0)(_there)

    def on_a_machine(task: Task, folder: Path) -> dict[str, Any]:
        try:
            row: dict[str, Any] | str = ray.get(remote.remote(task, folder.resolve()))
        except ray.exceptions.RayError as error:
            reason = (str(error) or type(error).__name__).strip().splitlines()[-1].rstrip(".")
            raise MartletError(f"its machine failed: {reason}.") from error
        if isinstance(row, str):
            raise MartletError(row)
        return row

    return on_a_machine, at_once or max(1, int(ray.cluster_resources().get("CPU", 1)))  # type: ignore[no-untyped-call]


def _there(task: Task, folder: Path) -> dict[str, Any] | str:
    """On a machine of the cluster: the row, or the sentence of what went wrong."""
    if not task.part.data.exists():
        return (
            f"{task.part.data} is not on one of the machines; data and folder lie at the same path "
            "on all of them."
        )
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return carry_out(task, folder, 1)
    except MartletError as error:
        return str(error)
