"""`reproduce`: a paper's experiment, with the printed figures beside ours."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from martlet.arguments import typed
from martlet.errors import MartletError

if TYPE_CHECKING:
    from martlet.workflows.reproduce.outcome import Outcome
    from martlet.workflows.reproduce.reproduce import Listed


@typed
def reproduce(
    experiment: Annotated[
        str | None, "Name of an experiment, or a file of one (.toml); without it all are listed."
    ] = None,
    /,
    *,
    data: Annotated[Path | None, "The data set: a folder of class folders, a scene, …"] = None,
    size: Annotated[
        Literal["tiny", "small", "paper"],
        "tiny fills the tables in minutes, small answers on a small machine, paper is as printed.",
    ] = "small",
    folder: Annotated[Path, "Where runs.csv, tables and pages lie; goes on from there."] = Path(
        "reproduced"
    ),
    jobs: Annotated[int | None, "Runs at once (default: a core each)."] = None,
    ray: Annotated[str | None, "Address of a Ray cluster to run on, or local."] = None,
    keep: Annotated[bool, "Keep each run's weights, in models/ by its key in runs.csv."] = False,
    quiet: Annotated[bool, "Print nothing."] = False,
) -> "Outcome | list[Listed]":
    """Carry out a paper's experiment, or list what there is.

    Each run that runs.csv has is passed over, so that a killed experiment goes on where it was,
    and several may share runs and folder. What fails leaves a hole in the table, with the reason.

    The folder of the experiment gets table.csv, table.md, picture.png and page.html.

    Raises MartletError for an unknown experiment, for a mistake in its file (with its line), for
    data that do not fit, and for a runs.csv of another version.
    """
    from martlet.workflows.reproduce import reproduce as steps

    if experiment is None:
        return steps.list_experiments()
    if jobs is not None and jobs < 1:
        raise MartletError(f"jobs={jobs} is not accepted; give a whole number, 1 or more.")
    how = steps.How(jobs=jobs, ray=ray, keep=keep)
    return steps.reproduce(experiment, data, size, folder, how, quiet)
