"""`list`: what networks there are."""

from typing import TYPE_CHECKING, Annotated, Literal

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.models.spec import Spec


@typed
def list_networks(
    pattern: Annotated[str, "Names to list, with * and ?."] = "*",
    /,
    *,
    sort: Annotated[Literal["name", "params", "macs", "error"], "Order of the rows."] = "name",
) -> "list[Spec]":
    """List the networks with params and MACs.

    What the paper prints stands beside them, and the accuracy of the weights that there are.
    """
    from martlet.workflows.show import rows

    return rows(pattern, sort)
