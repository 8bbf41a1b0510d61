"""What callers hand to a compiled network, as the C code takes it: of its types, row by row."""

from collections.abc import Sequence
from typing import Any, TypeGuard

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.runtime.description import Description, Shape
from martlet.errors import MartletError, shortened

Array = NDArray[Any]
Kind = np.dtype[Any]
FLOAT = np.dtype(np.float32)
NUMBERS = "biuf"  # kinds of numpy types; complex numbers, text and objects are none


def fit(
    inputs: Sequence[Any], wanted: Sequence[Shape], kinds: Sequence[Kind]
) -> TypeGuard[Sequence[Array]]:
    """Whether the inputs are arrays exactly as compiled for.

    Nothing but plain steps: behind each run all of Python has left the cache, and whatever is
    looked at here comes from slow memory.
    """
    if len(inputs) != len(wanted):
        return False
    for x, shape, kind in zip(inputs, wanted, kinds, strict=True):
        if type(x) is not np.ndarray or x.dtype is not kind or x.shape != shape:
            return False
        flags = x.flags
        if not (flags.c_contiguous and flags.aligned):
            return False
    return True


def checked(inputs: Sequence[Any], about: Description) -> list[Array]:
    """The inputs of one run, or of several one behind the other.

    Raises MartletError for another number of inputs, other shapes, what holds no numbers, and
    numbers that the type of an input does not hold.
    """
    wanted, name = about.inputs, about.name
    if len(inputs) != len(wanted):
        raise MartletError(f"{name} takes {len(wanted)} inputs, not {len(inputs)}.")
    ready = [
        _numbers(x, key, shape, about.dtype(key))
        for x, (key, shape) in zip(inputs, wanted.items(), strict=True)
    ]
    turns = set()
    for x, (key, shape) in zip(ready, wanted.items(), strict=True):
        several = x.shape[1:] == shape[1:] and x.ndim == len(shape) and shape and shape[0]
        if x.shape != shape and (not several or not len(x) or len(x) % shape[0]):
            raise MartletError(f"the input {key!r} has shape {x.shape}; accepted: {shape}.")
        turns.add(len(x) // shape[0] if several else 1)
    if len(turns) > 1 or (
        turns != {1} and not _have_batch([*wanted.values(), *about.outputs.values()])
    ):
        raise MartletError(
            f"inputs of {', '.join(str(x.shape) for x in ready)} are not accepted together; "
            f"{name} takes {', '.join(map(str, wanted.values()))}."
        )
    return ready


def _have_batch(shapes: Sequence[Shape]) -> bool:
    """Whether all begin with the same axis."""
    return all(shapes) and len({shape[0] for shape in shapes}) == 1


def _numbers(given: Any, name: str, shape: Shape, kind: Kind) -> Array:
    """Any array, list or tensor of numbers; what float32 cannot hold becomes infinite."""
    try:
        array = np.asarray(given)
    except Exception as error:  # whatever an object raises that is to become an array
        reason = f" ({shortened(str(error).strip().partition(chr(10))[0], 100)})"
        what = type(given).__name__
    else:
        if array.dtype.kind in NUMBERS:
            with np.errstate(over="ignore", invalid="ignore"):
                made = np.require(array, kind, ["C", "A"])
            if kind == FLOAT or np.array_equal(made, array):
                return made
            raise MartletError(
                f"the input {name!r} is {kind}, which does not hold all of the {array.dtype} "
                "numbers given."
            )
        what, reason = f"{type(given).__name__} of type {array.dtype}", ""
    raise MartletError(
        f"the input {name!r} is a {what}{reason}; accepted: numbers of shape {shape}."
    )
