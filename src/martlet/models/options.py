"""Whether the values of options are of the types that `create_model` and a file's `build` state."""

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from reprlib import repr as short
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from martlet.errors import MartletError, unknown
from martlet.ops.attention import Attention

# How the sentence of an error names what is accepted.
NAMES = {
    int: "a whole number",
    float: "a number",
    str: "text",
    Mapping: "a mapping",
    Sequence: "a sequence of whole numbers",
    Attention: "an Attention",
    NoneType: "None",
}
MISFIT = object()


def checked(name: str, value: Any, hint: Any, network: str = "") -> Any:
    """`value` as `hint` has it: NumPy's integers become `int`, whole numbers `float`.

    `hint` is a type, a Literal, or a union of these. Raises MartletError for a value of another
    type, and for a text that is none of a Literal's.
    """
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    for kind in kinds:
        made = _as(value, kind)
        if made is not MISFIT:
            return made
    words = [word for kind in kinds if get_origin(kind) is Literal for word in get_args(kind)]
    if isinstance(value, str) and words:
        raise unknown(name, value, words)
    *others, last = [accepted for kind in kinds for accepted in _named(kind)]
    listed = f"{', '.join(others)} or {last}" if others else last
    place = f"{network}: " if network else ""
    raise MartletError(f"{place}{name}={short(value)} is not accepted; give {listed}.")


def _as(value: Any, kind: Any) -> Any:
    """`value` as one of `kind`, or MISFIT."""
    origin = get_origin(kind) or kind
    made: Any = MISFIT
    if origin is Literal:
        if any(type(value) is type(word) and value == word for word in get_args(kind)):
            made = value
    elif origin is Sequence:
        if isinstance(value, Sequence):
            made = tuple(_as(part, *get_args(kind)) for part in value)
            made = MISFIT if MISFIT in made else made
    elif origin in (int, float):
        if type(value) is not bool and isinstance(value, Integral if origin is int else Real):
            made = origin(value)
    elif isinstance(value, origin):
        made = value
    return made


def _named(kind: Any) -> list[str]:
    words = (True, False) if kind is bool else get_args(kind)
    if kind is bool or get_origin(kind) is Literal:
        return [repr(word) for word in words]
    return [NAMES[get_origin(kind) or kind]]
