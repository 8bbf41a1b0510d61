"""How `list` chooses and sorts rows, and `show` counts the form that was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from martlet import tasks
from martlet.data.pictures.kind import PICTURES
from martlet.data.series.kind import SERIES
from martlet.errors import MartletError
from martlet.measuring.cost import Cost, cost
from martlet.models import create_model, list_models, spec
from martlet.models.spec import Spec, input_shape
from martlet.training.checkpoint import Header
from martlet.training.run_files import MODEL
from martlet.workflows.convert import open_weights
from martlet.workflows.open_network import checkpoint_path

SUFFIXES = (".safetensors", ".pth", ".pt", ".ckpt", ".bin", ".tar")  # of files of weights
RESERVED = ("name", "pretrained", "features_only", "out_indices")  # of create_model alone


@dataclass(frozen=True)
class Shown:
    """A network's row, and what the form that was asked for costs."""

    spec: Spec
    options: dict[str, Any]  # what makes that form another than the row's
    cost: Cost
    classes: tuple[str, ...] = ()  # of a run
    origin: str = ""  # of converted weights: whose they are
    result: tuple[str, ...] = ()  # of a run that a split with a protocol was made for
    kind: str = ""  # of a run's data, which may be another one than the row's
    shape: tuple[int, ...] = ()  # of an input of a run


def rows(pattern: str, sort: str) -> list[Spec]:
    """The rows of `list`; raises MartletError when there is none."""
    found = [spec(name) for name in list_models(pattern)]
    if not found:
        raise MartletError(f"pattern={pattern!r} matches no network; `martlet list` shows all.")
    if sort == "error":
        return sorted(found, key=_printed_error)
    if sort != "name":
        return sorted(found, key=lambda row: getattr(row, sort))
    return found


def _printed_error(row: Spec) -> float:
    error = row.paper.top1_error
    return 100.0 if error is None else error


def show_network(
    name: str, image_size: int | None, small_input: bool, given: Mapping[str, Any]
) -> Shown:
    """The row and cost of `show`; `given` are options of the network."""
    options = dict(given)
    for key in RESERVED:
        if key in options:
            raise MartletError(f"model_options: {key} is no option of a network.")
    if small_input:
        options["small_input"] = True
    path = Path(name)
    named = path.suffix in SUFFIXES or len(path.parts) > 1
    if named or path.is_file() or (path / MODEL).exists():
        return _show_run(path, {**options, **({"image_size": image_size} if image_size else {})})
    row = spec(name)
    with torch.device("meta"):  # without data: it is not run, only counted
        model = create_model(name, **options)
    shape = input_shape(row, image_size, options.get("in_chans"), options.get("window"))
    if image_size is not None:
        options["image_size"] = image_size
    return Shown(row, options, cost(model, (1, *shape)))


def _show_run(run: Path, options: Mapping[str, Any]) -> Shown:
    """The network of a run or checkpoint, or of another library's weights, as it is."""
    if options:
        raise MartletError(
            f"{', '.join(options)} is not accepted for {run}, whose network is shown as it is."
        )
    header, _ = open_weights(checkpoint_path(run))
    network, row = header.network, spec(header.network.name)
    with torch.device("meta"):
        model = network.build()
    usual = {"num_classes": row.num_classes, "in_chans": row.input.channels, "small_input": False}
    own = {key: getattr(network, key) for key in usual}
    told = {key: value for key, value in own.items() if value != usual[key]}
    kind, shape = header.preprocess.kind, header.preprocess.shape
    if kind != row.input.kind or shape != input_shape(row, in_chans=network.in_chans):
        told |= _size(kind, shape)
    counted = cost(model, (1, *shape))
    return Shown(
        row,
        dict(network.options) | told,
        counted,
        header.classes,
        header.origin,
        _result(run, header) if "protocol" in header.metrics else (),
        kind,
        shape,
    )


def _size(kind: str, shape: tuple[int, ...]) -> dict[str, int]:
    """The option of `train` that says the size of an input, and its value."""
    if kind == SERIES.name:
        return {"window": shape[1]}
    return {"image_size" if kind == PICTURES.name else "window": shape[-1]}


def _result(run: Path, header: Header) -> tuple[str, ...]:
    """The first sentences of the run's result. Raises MartletError for metrics that are none."""
    try:
        return tuple(tasks.find(header.task).told(header.network.name, header.metrics)[:3])
    except (AttributeError, LookupError, TypeError, ValueError, ArithmeticError) as error:
        raise MartletError(
            f"the metrics in {run} are damaged ({type(error).__name__}: {error})."
        ) from error
