"""--recipe: the values of a recipe become the defaults of the options that are not given."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, get_args, get_origin

import typer

from martlet.arguments import parameters_of
from martlet.named_values import assignment
from martlet.workflows.recipe_file import load_recipe


def as_typed(value: Any, kind: Any) -> Any:
    """A value of a recipe as it would stand on the command line, which then reads and refuses it.

    Of other types some versions of typer only raise whatever comes of them. kind: the option's
    type; one that takes a text in place of several has them in one text.
    """
    several = {get_origin(one) for one in (kind, *get_args(kind))}
    if isinstance(value, dict) and Mapping in several:
        return [assignment(*pair) for pair in value.items()]
    if isinstance(value, list):
        if get_origin(kind) is not Sequence and str in get_args(kind):
            return ",".join(map(str, value))
        return value if several & {Sequence, Mapping} else str(value)
    return value if isinstance(value, bool) else str(value)


def reader(options: type) -> Callable[[typer.Context, str | None], str | None]:
    """What typer calls with the NAME or FILE that is given."""

    def use(context: typer.Context, value: str | None) -> str | None:
        if value is not None:
            kinds = {one.name: get_args(one.annotation)[0] for one in parameters_of(options)}
            given = load_recipe(value, options)
            found = {name: as_typed(one, kinds[name]) for name, one in given.items()}
            context.default_map = {**(context.default_map or {}), **found}
        return value

    return use
