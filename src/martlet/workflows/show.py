"""How `list` chooses and sorts rows, and `show` counts the form that was asked for."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from martlet.errors import MartletError
from martlet.measuring.cost import Cost, cost
from martlet.models import create_model, list_models, spec
from martlet.models.spec import Spec, input_shape

RESERVED = ("name", "pretrained", "features_only", "out_indices")  # of create_model alone
PYTHONS = {"True": "true", "False": "false", "None": "null"}  # JSON's spelling


@dataclass(frozen=True)
class Shown:
    """A network's row, and what the form that was asked for costs."""

    spec: Spec
    options: dict[str, Any]  # what makes that form another than the row's
    cost: Cost


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
    name: str,
    image_size: int | None,
    small_input: bool,
    common: Mapping[str, Any],
    option: Sequence[str],
) -> Shown:
    """The row and cost of `show`; `common` are options of every network, None where not given."""
    row = spec(name)
    options = dict(map(_read, option))
    if small_input:
        options["small_input"] = True
    options |= {key: value for key, value in common.items() if value is not None}
    with torch.device("meta"):  # without data: it is not run, only counted
        model = create_model(name, **options)
    shape = input_shape(row, image_size, options.get("in_chans"), options.get("window"))
    if image_size is not None:
        options["image_size"] = image_size
    return Shown(row, options, cost(model, (1, *shape)))


def _read(option: str) -> tuple[str, Any]:
    """ "kernel=5" -> ("kernel", 5).

    A value is JSON (5, true, {...}), Python's True, False or None, or else the text itself.
    """
    name, equals, value = option.partition("=")
    if not (name and equals):
        raise MartletError(f"option={option!r} is not accepted; give NAME=VALUE.")
    if name in RESERVED:
        raise MartletError(f"option={option!r} is not accepted; {name} is no option of a network.")
    try:
        return name, json.loads(PYTHONS.get(value, value))
    except ValueError:
        return name, value
