"""Options that some kinds of data alone have: declared where the option is, refused for others."""

import inspect
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

from martlet.errors import MartletError


class OnlyFor(tuple[str, ...]):
    """The kinds of data that have an option, as `Kind.data` calls them: "scenes".

    Stands in a signature behind the option's help: Annotated[type, help, OnlyFor(["scenes"])].
    """


Limited = Mapping[str, tuple[Any, OnlyFor]]  # name of an option -> its value, and who has it


def kinds_of(parameter: inspect.Parameter) -> OnlyFor | None:
    """The kinds of data that have an option; None: all."""
    marks = (mark for mark in get_args(parameter.annotation) if isinstance(mark, OnlyFor))
    return next(marks, None)


def limited(
    parameters: Iterable[inspect.Parameter] | Callable[..., Any],
    values: Mapping[str, Any],
    given: Collection[str] = (),
) -> Limited:
    """The options that only some kinds have and that were given.

    parameters: of a verb, or the verb.
    given: names of options that were given whatever their value; others were given when they have
        another one than their default.
    """
    if callable(parameters):
        parameters = inspect.signature(parameters).parameters.values()
    return {
        name: (values[name], kinds)
        for parameter in parameters
        if (kinds := kinds_of(parameter)) and (name := parameter.name) in values
        if name in given or values[name] != parameter.default
    }


def refuse_others(
    options: Limited, *, data: str, taker: object, ways: Mapping[str, str] | None = None
) -> None:
    """Raises MartletError for the first of these options that `data` do not have.

    data: the kind, as `Kind.data` calls it; taker: the network, or its run, that says so.
    ways: how the verb comes to other kinds of data: "scenes" -> "give …".
    """
    for name, (value, kinds) in options.items():
        if data not in kinds:
            shown = str(value) if isinstance(value, Path) else repr(value)
            way = (ways or {}).get(kinds[0])
            having = " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
            raise MartletError(
                f"{name}={shown} is for {having}, and {taker} takes {data} here; "
                f"leave it out{f', or {way}' if way else ''}."
            )
