"""The table of networks, and how one is built from its row.

To add a paper, write its file in this folder (VARIANTS and build) and name it in FILES. A row that
is another file's Variant, with attention put on it say, is built by that file.
"""

import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import is_dataclass
from difflib import get_close_matches
from fnmatch import fnmatchcase
from functools import cache
from importlib import import_module
from inspect import signature
from typing import Any, get_type_hints

import torch

from martlet.arguments import checked
from martlet.errors import MartletError, unknown
from martlet.memory import require_memory
from martlet.models.classifier import Classifier
from martlet.models.spec import Spec
from martlet.models.widths import shortest

FILES = (
    "cbam",
    "hybridsn",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3",
    "resnet",
    "senet",
    "shufflenet_series",
    "shufflenet_v1",
    "shufflenet_v1_arch2",
    "shufflenet_v2",
    "shufflenet_v2_large",
    "unit_comparison",
)
LARGE = 2**16  # a number in an option, from which on the network's memory is looked at first


def list_models(pattern: str = "*") -> list[str]:
    """Names of the networks that match `pattern` (with * and ?), sorted, without aliases."""
    return sorted(row.name for _, row in _rows() if fnmatchcase(row.name, pattern))


def spec(name: str) -> Spec:
    """The row of the network `name`, which may be an alias.

    Raises MartletError with the closest names when there is none.
    """
    return find(name)[1]


def build(
    name: str,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    drop_rate: float | None = None,
    **options: Any,
) -> Classifier:
    """The network `name`, as `create_model` builds it, with fresh weights.

    Raises MartletError for a value that the network does not take.
    """
    file, row = find(name)
    own = own_options(file, row, options)
    channels, classes, rate = shared_options(row, num_classes, in_chans, drop_rate)

    def make() -> Classifier:
        network: Classifier = file.build(row, in_chans=channels, **own)
        network.add_head(classes, rate)
        return network

    given = {"num_classes": classes, "in_chans": channels, **own}
    if max(_numbers(given.values()), default=0) >= LARGE:
        _require_memory(row, make, given)
    return make()


def _numbers(values: Iterable[Any]) -> Iterator[float]:
    """All numbers among the values of options, and in what they hold."""
    for value in values:
        if isinstance(value, Mapping):
            yield from _numbers(value.values())
        elif is_dataclass(value):
            yield from _numbers(vars(value).values())
        elif isinstance(value, (int, float)):
            yield abs(value)


def _require_memory(row: Spec, make: Callable[[], Classifier], given: Mapping[str, Any]) -> None:
    """Raises MartletError for a network of more numbers than there is room for."""
    told = ", ".join(f"{name}={value!r}" for name, value in given.items())
    try:
        with torch.device("meta"):
            params = sum(parameter.numel() for parameter in make().parameters())
    except (RuntimeError, TypeError, OverflowError) as error:  # sizes beyond 63 bits
        raise MartletError(f"{row.name} cannot be as large as {told} make it.") from error
    if torch.get_default_device().type != "meta":
        require_memory(4 * params, f"{row.name} with {told}", "give smaller numbers")


def shared_options(
    row: Spec, num_classes: int | None, in_chans: int | None, drop_rate: float | None
) -> tuple[int, int, float]:
    """Channels, classes and drop rate, the row's own where None; MartletError out of range."""

    def chosen(name: str, value: object, own: float, hint: type) -> Any:
        return own if value is None else checked(name, value, hint, row.name)

    classes: int = chosen("num_classes", num_classes, row.num_classes, int)
    channels: int = chosen("in_chans", in_chans, row.input.channels, int)
    rate: float = chosen("drop_rate", drop_rate, row.drop_rate, float)
    if classes < 0:
        raise MartletError(f"num_classes={num_classes} is negative; give 0 (features) or more.")
    if channels < 1:
        raise MartletError(f"in_chans={in_chans} is too small; give 1 or more.")
    if not 0.0 <= rate < 1.0:
        raise MartletError(f"drop_rate={drop_rate} is out of range; give 0 or more, below 1.")
    return channels, classes, rate


def own_options(file: Any, row: Spec, options: dict[str, Any]) -> dict[str, Any]:
    """The options that only some networks have, checked, without those that change nothing.

    Raises MartletError for one that the file's `build` does not have, and for another type.
    """
    parameters = signature(file.build).parameters
    accepted = {name: parameters[name].default for name in parameters}
    del accepted["variant"], accepted["in_chans"]
    hints = get_type_hints(file.build)
    own = {}
    for name, value in options.items():
        if name == "attention" and value is False and name not in accepted:
            continue  # there is none to leave out
        if name not in accepted:
            close = get_close_matches(str(name).lower(), accepted, n=1, cutoff=0.6)
            meant = f"did you mean {close[0]}? It" if close else "it"
            raise MartletError(
                f"{row.name} has no option {name!r}; {meant} has {', '.join(accepted) or 'none'}."
            )
        made = checked(name, value, hints[name], row.name)
        default = accepted[name]
        if made != (getattr(row, name, None) if default is None else default):
            own[name] = made
    return own


def _rows() -> Iterator[tuple[Any, Spec]]:
    """Every row with the module that builds it: the one that defines its type."""
    for name in FILES:
        file = import_module(f"martlet.models.{name}")
        for row in file.VARIANTS:
            yield file if type(row) is Spec else sys.modules[type(row).__module__], row


@cache
def _other_width(name: str) -> tuple[Any, Spec] | None:
    """Module and row of a width that no row has, which is built to count its cost: once a name."""
    for file in {file for file, _ in _rows() if hasattr(file, "other_width")}:
        if other := file.other_width(name):
            return file, other
    return None


def find(name: str) -> tuple[Any, Spec]:
    """The module that builds a network, and its row. Raises MartletError as `spec` does."""
    rows = list(_rows())
    if isinstance(name, str):
        for wanted in (name, shortest(name)):
            for file, row in rows:
                if wanted == row.name or wanted in row.aliases:
                    return file, row
        if other := _other_width(shortest(name)):
            return other
    known = [known for _, row in rows for known in (row.name, *row.aliases)]
    known.sort(key=lambda name: "_x1_0" not in name)  # the usual width before others
    raise unknown("model", name, known)
