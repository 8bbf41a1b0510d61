"""`list` and `show`: what networks there are, and what one is made of."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Literal

if TYPE_CHECKING:
    from martlet.measuring.cost import Cost
    from martlet.models.spec import Spec

RESERVED = ("name", "pretrained", "features_only", "out_indices")  # of create_model alone
PYTHONS = {"True": "true", "False": "false", "None": "null"}  # JSON's spelling


@dataclass(frozen=True)
class Shown:
    """A network's row, and what the form that was asked for costs."""

    spec: "Spec"
    options: dict[str, Any]  # what makes that form another than the row's
    cost: "Cost"


def list_networks(
    pattern: Annotated[str, "Names to list, with * and ?."] = "*",
    /,
    *,
    sort: Annotated[Literal["name", "params", "macs", "error"], "Order of the rows."] = "name",
) -> "list[Spec]":
    """List the networks with params and MACs.

    What the paper prints stands beside them, and the accuracy of the weights that there are.
    """
    from martlet.errors import MartletError
    from martlet.models import list_models, spec

    rows = [spec(name) for name in list_models(pattern)]
    if not rows:
        raise MartletError(f"pattern={pattern!r} matches no network; `martlet list` shows all.")
    if sort == "error":
        return sorted(rows, key=_printed_error)
    if sort != "name":
        return sorted(rows, key=lambda row: getattr(row, sort))
    return rows


def _printed_error(row: "Spec") -> float:
    error = row.paper.top1_error
    return 100.0 if error is None else error


def show(
    name: Annotated[str, "Network; see `martlet list`."],
    *,
    image_size: Annotated[int | None, "Side of the picture, in pixels."] = None,
    num_classes: Annotated[int | None, "Classes of the classifier."] = None,
    in_chans: Annotated[int | None, "Channels of the picture, bands, or sensors."] = None,
    small_input: Annotated[bool, "The form for small pictures."] = False,
    attention: Annotated[str | None, "se or cbam on each block."] = None,
    option: Annotated[Sequence[str], "Option of the network, NAME=VALUE; repeat."] = (),
) -> Shown:
    """Show a network layer by layer, and what its paper prints.

    Output shape, params, MACs and bytes moved (float32, one input) of each layer; then the paper's
    figures, and the weights that there are. Raises MartletError for a form that the network does
    not have.
    """
    import torch

    from martlet.measuring.cost import cost
    from martlet.models import create_model, spec
    from martlet.models.spec import input_shape

    row = spec(name)
    options = dict(map(_read, option))
    if small_input:
        options["small_input"] = True
    for key, value in (
        ("num_classes", num_classes),
        ("in_chans", in_chans),
        ("attention", attention),
    ):
        if value is not None:
            options[key] = value
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
    from martlet.errors import MartletError

    name, equals, value = option.partition("=")
    if not (name and equals):
        raise MartletError(f"option={option!r} is not accepted; give NAME=VALUE.")
    if name in RESERVED:
        raise MartletError(f"option={option!r} is not accepted; {name} is no option of a network.")
    try:
        return name, json.loads(PYTHONS.get(value, value))
    except ValueError:
        return name, value
