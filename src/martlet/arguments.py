"""What functions accept: types of values, and options with their ranges and help.

An option is written once, as a field of a dataclass made with `option`. The signature of the verb,
the flags of the command line, the keys of a recipe file and the table in docs/ are read off it.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import MISSING, dataclass, field, fields
from functools import wraps
from math import isfinite
from numbers import Integral, Real
from os import PathLike, fspath
from pathlib import Path
from reprlib import repr as short
from types import NoneType, UnionType
from typing import (
    Annotated,
    Any,
    Concatenate,
    Literal,
    ParamSpec,
    TypeVar,
    Union,
    cast,
    get_args,
    get_origin,
)

from martlet.errors import MartletError, unknown
from martlet.only_for import OnlyFor

P = ParamSpec("P")
R = TypeVar("R")
S = TypeVar("S")

# How the sentence of an error names what is accepted.
NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    Path: "a path",
    Mapping: "a mapping",
    NoneType: "None",
}
SEVERAL = {int: "whole numbers", float: "numbers", str: "texts", Path: "paths"}
MISFIT = object()
LARGEST = 2**63 - 1  # whole number: libraries below take no larger ones


@dataclass(frozen=True)
class Range:
    """The values that an option accepts, in words and as a test."""

    accepted: str
    holds: Callable[[Any], bool]


def option(
    default: Any, help: str, range: Range | None = None, *, only: str | Sequence[str] = ()
) -> Any:
    """A field of a dataclass that is an option; None as `default` makes None acceptable too.

    only: the kinds of data that have it, where not all have: "scenes", or several such words.
    """
    kinds = OnlyFor([only] if isinstance(only, str) else only)
    return field(default=default, metadata={"help": help, "range": range, "only": kinds})


def check_options(options: Any) -> None:
    """Types and ranges of a dataclass's options, for its `__post_init__`.

    Raises MartletError that names the field, its value and what is accepted.
    """
    ranges = {field.name: field.metadata.get("range") for field in fields(options)}
    for parameter in parameters_of(type(options)):
        name, (kind, *_) = parameter.name, get_args(parameter.annotation)
        value = checked(name, getattr(options, name), kind)
        object.__setattr__(options, name, value)
        range = ranges[name]
        if value is None or range is None:
            continue
        finite = not isinstance(value, float) or isfinite(value)
        if not (finite and range.holds(value)):
            accepted = range.accepted if finite else f"a finite number, {range.accepted}"
            raise MartletError(f"{name}={value} is not accepted; give {accepted}.")


def parameters_of(options: type) -> list[inspect.Parameter]:
    """The options of a dataclass as keywords of a signature: Annotated[type, help] = default.

    An `OnlyFor` stands behind the help where not all kinds of data have the option.
    """
    return [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if field.default is MISSING else field.default,
            annotation=Annotated[
                Union[field.type, None] if field.default is None else field.type,  # noqa: UP007
                field.metadata["help"],
                *filter(None, [field.metadata.get("only")]),
            ],
        )
        for field in fields(options)
        if "help" in field.metadata
    ]


def takes(
    options: Callable[P, S],
) -> Callable[[Callable[[Path, S], R]], Callable[Concatenate[str | Path, P], R]]:
    """Turn `verb(path, options)` into `verb(path, **options)`, with a signature that names each.

    A name that is no option raises MartletError with the closest ones. The dataclass has a field
    `given` for the names that the caller gave.
    """

    def spread(verb: Callable[[Path, S], R]) -> Callable[Concatenate[str | Path, P], R]:
        first, _ = inspect.signature(verb).parameters.values()
        signature = inspect.Signature([first, *parameters_of(options)])  # type: ignore[arg-type]
        kind, *_ = get_args(first.annotation)

        @wraps(verb)
        def call(*given: Any, **named: Any) -> R:
            _check_names(named, signature)
            if first.name in named:
                given = (*given, named.pop(first.name))
            (path,) = given or (None,)
            made = cast(Callable[..., S], options)(**named, given=frozenset(named))
            return verb(checked(first.name, path, kind), made)

        call.__signature__ = signature  # type: ignore[attr-defined]
        call.__doc__ = f"{inspect.getdoc(verb)}\n\nArgs:\n{_listed(signature)}"
        return call

    return spread


def _listed(signature: inspect.Signature) -> str:
    """A line of a docstring for each parameter: its name, and its help."""
    helps = {name: get_args(p.annotation)[1] for name, p in signature.parameters.items()}
    return "\n".join(f"    {name}: {help}" for name, help in helps.items())


def typed(verb: Callable[P, R]) -> Callable[P, R]:
    """`verb`, whose arguments are checked by the types of its signature, Annotated[type, help]."""
    signature = inspect.signature(verb)

    @wraps(verb)
    def call(*given: P.args, **named: P.kwargs) -> R:
        _check_names(named, signature)
        bound = signature.bind(*given, **named)
        for name, value in bound.arguments.items():
            parameter = signature.parameters[name]
            if value is not parameter.default:
                bound.arguments[name] = checked(name, value, get_args(parameter.annotation)[0])
        return verb(*bound.args, **bound.kwargs)

    return call


def _check_names(named: Mapping[str, Any], signature: inspect.Signature) -> None:
    for name in named:
        if name not in signature.parameters:
            raise unknown("option", name, list(signature.parameters))


def checked(name: str, value: Any, hint: Any, network: str = "") -> Any:
    """`value` as `hint` has it: NumPy's integers become `int`, whole numbers `float`.

    `hint` is a type, a Literal, a Sequence, or a union of these; a lone text or path where several
    are accepted becomes a tuple. Raises MartletError for a value of another type, and for a text
    that is none of a Literal's.
    """
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for kind in kinds:
        made = _as(value, kind)
        if made is not MISFIT:
            return made
    place = f"{network}: " if network else ""
    if isinstance(value, Integral) and abs(int(value)) > LARGEST:
        few = "a negative number" if value < 0 else "a number"
        raise MartletError(
            f"{place}{name} is {few} of {int(value).bit_length()} bits; accepted are those of 63."
        )
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if isinstance(value, str) and words:
        raise unknown(name, value, words)
    raise MartletError(f"{place}{name}={short(value)} is not accepted; give {named(hint)}.")


def named(hint: Any, without_none: bool = False) -> str:
    """What `hint` accepts, in words: "a number or None"."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    kinds = tuple(kind for kind in kinds if not (without_none and kind is NoneType))
    *others, last = [accepted for kind in kinds for accepted in _named(kind)]
    return f"{', '.join(others)} or {last}" if others else last


def _as(value: Any, kind: Any) -> Any:
    """`value` as one of `kind`, or MISFIT."""
    origin = get_origin(kind) or kind
    made: Any = MISFIT
    if origin is Literal:
        if any(type(value) is type(word) and value == word for word in get_args(kind)):
            made = value
    elif origin is Sequence:
        (one,) = get_args(kind)
        anything = object in get_args(one)
        if isinstance(value, (str, PathLike)) or (anything and not isinstance(value, Sequence)):
            value = (value,)
        if isinstance(value, Sequence) and not isinstance(value, bytes):
            made = tuple(_one(part, one) for part in value)
            made = MISFIT if any(part is MISFIT for part in made) else made
    elif origin in (int, float):
        whole = isinstance(value, Integral)
        if type(value) is not bool and (whole or (origin is float and isinstance(value, Real))):
            with suppress(OverflowError):  # a fraction may be beyond all floats
                made = MISFIT if whole and abs(int(value)) > LARGEST else origin(value)
    elif origin is Path:
        text = fspath(value) if isinstance(value, (str, PathLike)) else None
        if isinstance(text, str) and text and "\0" not in text:
            made = Path(text)
    elif isinstance(value, origin) and not (
        origin is object and isinstance(value, (str, PathLike))
    ):
        made = value  # a text that is no path is no other thing either
    return made


def _one(value: Any, hint: Any) -> Any:
    """`value` as the first of a union's kinds that it fits, or MISFIT."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    fitting = (made for kind in kinds if (made := _as(value, kind)) is not MISFIT)
    return next(fitting, MISFIT)


def _named(kind: Any) -> list[str]:
    if kind is bool:
        return ["True", "False"]
    if get_origin(kind) is Literal:
        return [repr(word) for word in get_args(kind)]
    if get_origin(kind) is Sequence:
        (one,) = get_args(kind)
        return [f"a sequence of {SEVERAL[next(iter(get_args(one)), one)]}"]
    origin = get_origin(kind) or kind
    return [NAMES.get(origin) or f"an {origin.__name__}"]
