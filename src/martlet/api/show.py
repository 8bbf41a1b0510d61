"""`show`: what a network is made of."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.workflows.show import Shown


@typed
def show(
    name: Annotated[str, "Network (see `martlet list`), run folder, or file of weights."],
    *,
    image_size: Annotated[int | None, "Side of the picture, in pixels."] = None,
    num_classes: Annotated[int | None, "Classes of the classifier."] = None,
    in_chans: Annotated[int | None, "Channels of the picture, bands, or sensors."] = None,
    small_input: Annotated[bool, "The form for small pictures."] = False,
    attention: Annotated[str | None, "se or cbam on each block."] = None,
    model_options: Annotated[
        Mapping[str, Any] | None,
        "Options of the network, as of create_model; NAME=VALUE, repeated, as a flag.",
    ] = None,
) -> "Shown":
    """Show a network layer by layer, and what its paper prints.

    Output shape, params, MACs and bytes moved (float32, one input) of each layer; then the paper's
    figures, and the weights that there are. The network of a run is shown as it was trained, with
    its classes. Raises MartletError for a form that the network does
    not have.
    """
    from martlet.workflows.show import show_network

    common = {"num_classes": num_classes, "in_chans": in_chans, "attention": attention}
    options = {**_set(model_options or {}), **_set(common)}
    return show_network(name, image_size, small_input, options)


def _set(options: Mapping[str, Any]) -> dict[str, Any]:
    """Those that are given."""
    return {name: value for name, value in options.items() if value is not None}
