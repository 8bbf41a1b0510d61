"""`list` and `show`: what networks there are, and what one is made of."""

from typing import TYPE_CHECKING, Annotated, Literal

if TYPE_CHECKING:
    from swiftlet.measuring.cost import Cost
    from swiftlet.models.spec import Spec


def list_networks(
    pattern: Annotated[str, "Names to list, with * and ?."] = "*",
    /,
    *,
    sort: Annotated[Literal["name", "params", "macs", "error"], "Order of the rows."] = "name",
) -> "list[Spec]":
    """List the networks with params and MACs.

    What the paper prints stands beside them.
    """
    from swiftlet.errors import SwiftletError
    from swiftlet.models import list_models, spec

    rows = [spec(name) for name in list_models(pattern)]
    if not rows:
        raise SwiftletError(f"pattern={pattern!r} matches no network; `swiftlet list` shows all.")
    if sort == "error":
        return sorted(rows, key=lambda row: row.paper.top1_error or 100.0)
    if sort != "name":
        return sorted(rows, key=lambda row: getattr(row, sort))
    return rows


def show(
    name: Annotated[str, "Network; see `swiftlet list`."],
    *,
    image_size: Annotated[int, "Side of the picture, in pixels."] = 224,
    num_classes: Annotated[int, "Classes of the classifier."] = 1000,
    in_chans: Annotated[int, "Channels of the picture."] = 3,
    small_input: Annotated[bool, "The form for small pictures."] = False,
) -> "Cost":
    """Show a network layer by layer.

    Output shape, params, MACs and bytes moved (float32, one picture) of each.
    """
    from swiftlet.measuring.cost import cost
    from swiftlet.models import create_model

    model = create_model(name, num_classes=num_classes, in_chans=in_chans, small_input=small_input)
    return cost(model, (1, in_chans, image_size, image_size))
