"""Experiments of speed, read from their files (`kind = "speed"`)."""

from collections.abc import Mapping, Sequence
from typing import Any

from martlet.errors import MartletError, unknown
from martlet.models.shufflenet_v2_guidelines import make_guideline
from martlet.models.spec import input_shape
from martlet.models.table import find as find_network
from martlet.models.table import own_options
from martlet.workflows.measure import ENGINES
from martlet.workflows.reproduce.experiment import SIZES
from martlet.workflows.reproduce.experiment_file import HEADING, ExperimentFile
from martlet.workflows.reproduce.speed import (
    IMAGES,
    MILLISECONDS,
    SpeedExperiment,
    SpeedRow,
    SpeedSize,
)

SPEED = "speed"
FIGURES = (IMAGES, MILLISECONDS)
KEYS = (*HEADING, "unit", "kind", "figure", "rows", "claims", *SIZES)
ROW: Mapping[str, Any] = {
    "name": str, "model": str | None, "options": Mapping[str, Any], "stack": str | None,
    "sizes": Mapping[str, Any], "side": Sequence[int], "paper": float | None, "group": str,
}  # fmt: skip
SIZE: Mapping[str, Any] = {
    "engines": Sequence[str], "threads": Sequence[int], "batch": int, "seconds": float,
    "rounds": int, "minutes": float | None,
}  # fmt: skip
SHORTEST: Mapping[str, Any] = {"tiny": {"seconds": 0.02, "rounds": 2, "threads": [1]}}


def read_speed(file: ExperimentFile) -> SpeedExperiment:
    """All of it; raises MartletError for whatever is wrong in the file."""
    file.check_keys(KEYS)
    figure = file.values.get("figure", IMAGES)
    if figure not in FIGURES:
        raise unknown(f"{file.at('figure')}: figure", str(figure), FIGURES)
    rows = [read_row(file, given) for given in file.tables("rows")]
    known = [row.name for row in rows]
    file.check_names(known)
    claims = [file.claim(given, known) for given in file.tables("claims")]
    for claim in claims:
        if len(claim.better) > 1 or claim.interaction:
            raise MartletError(
                f"{file.at(claim.says)}: a claim about speed is of one row and another; make it "
                "several claims."
            )
    return SpeedExperiment(
        **file.heading(),
        unit=file.text("unit"),
        figure=figure,
        rows=rows,
        claims=claims,
        sizes={name: _size(file, name) for name in SIZES},
    )


def read_row(file: ExperimentFile, given: dict[str, Any]) -> SpeedRow:
    """A row of what is timed; raises MartletError for what is none."""
    file.fitting(given, ROW, "a row")
    if "name" not in given:
        raise MartletError(f"{file.at(*map(str, given.values()))}: a row has no name.")
    row = SpeedRow(**given)
    if not row.name.strip():
        raise MartletError(f"{file.at('rows')}: a row's name is empty; give it one.")
    if row.paper is not None and not 0 < row.paper < float("inf"):
        raise MartletError(f"{file.at(row.name)}: paper={row.paper} is not accepted; above 0.")
    if (row.model is None) == (row.stack is None):
        raise MartletError(
            f"{file.at(row.name)}: {row.name!r} needs a model or a stack, one of both."
        )
    if len(row.side) not in (0, 2) or min(row.side, default=1) < 1:
        raise MartletError(
            f"{file.at(row.name, 'side')}: side={list(row.side)} is not accepted; give "
            "[height, width] in pixels."
        )
    try:
        if row.stack is not None:
            make_guideline(row.stack, **row.sizes)
        else:
            module, network = find_network(str(row.model))
            own_options(module, network, dict(row.options))
            if row.side:
                input_shape(network, row.side[0])
    except MartletError as error:
        raise MartletError(f"{file.at(row.name)}: {error}") from error
    return row


def _size(file: ExperimentFile, name: str) -> SpeedSize:
    own = file.table(name)
    file.fitting(own, SIZE, f"[{name}]")
    size = SpeedSize(name=name, **{**SHORTEST.get(name, {}), **own})
    for engine in size.engines:
        if engine not in ENGINES:
            raise unknown(f"{file.at(f'[{name}]', engine)}: engine", engine, ENGINES)
    numbers = (*size.threads, size.batch, size.rounds)
    if min(numbers) < 1 or not size.seconds > 0 or not size.threads or not size.engines:
        raise MartletError(
            f"{file.at(f'[{name}]')}: threads, batch, rounds and seconds are numbers above 0, and "
            "engines and threads are not empty."
        )
    return size
