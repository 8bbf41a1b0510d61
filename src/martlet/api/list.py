"""`list`: what networks there are, and what recipes."""

from typing import TYPE_CHECKING, Annotated, Literal

from martlet.arguments import typed
from martlet.errors import MartletError

if TYPE_CHECKING:
    from martlet.models.spec import Spec
    from martlet.workflows.shipped_recipes import ShippedRecipe


@typed
def list_networks(
    pattern: Annotated[str, "Names to list, with * and ?."] = "*",
    /,
    *,
    sort: Annotated[Literal["name", "params", "macs", "error"], "Order of the rows."] = "name",
    recipes: Annotated[bool, "The recipes that `train --recipe` takes, in their place."] = False,
) -> "list[Spec] | list[ShippedRecipe]":
    """List the networks with params and MACs, or the recipes.

    What the paper prints stands beside networks, and the accuracy of the weights that there are.
    """
    if recipes:
        from martlet.workflows.shipped_recipes import matching

        if sort != "name":
            raise MartletError(
                f"sort={sort!r} is for networks; leave it out, or leave recipes out."
            )
        return matching(pattern)
    from martlet.workflows.show import rows

    return rows(pattern, sort)
