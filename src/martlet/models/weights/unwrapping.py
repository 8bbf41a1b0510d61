"""The weights in what training programs save: under a key, behind prefixes, beside other things."""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from martlet.errors import quoted

DEPTH = 4  # tables within tables, and prefixes behind prefixes, that are looked into
MOST = 16  # tables that are tried, the likeliest: of networks, a file holds a few
NO_NETWORK = ("optim", "sched", "scaler", "criterion", "loss", "metric")  # keys that begin so
COUNTERS = ("total_ops", "total_params")  # buffers that a counter of operations leaves


@dataclass(frozen=True)
class Candidate:
    """Named tensors that may be a network's, and sentences on what was chosen and left out.

    fault: a sentence on a tensor that is no plain array, which keeps all from being converted.
    """

    state: dict[str, Tensor]
    told: tuple[str, ...] = ()
    fault: str = ""


def candidates(content: Any) -> list[Candidate]:
    """The weights that the content of a file may mean, the likeliest first; empty for none.

    Averaged weights (EMA) come before raw ones, then the larger table before the smaller one.
    Each is followed by itself without prefixes, such as "module." or "model.".
    """
    tables = sorted(_tables(content, (), set()), key=lambda found: -len(found[1]))
    most = len(tables[0][1]) if tables else 0
    tables = [found for found in tables if 2 * len(found[1]) >= most]
    tables.sort(key=lambda found: not any(map(_averaged, found[0])))
    places = [place for place, _, _ in tables]
    return [
        candidate
        for place, tensors, beside in tables[:MOST]
        for candidate in _stripped(tensors, _told(place, beside, places))
    ]


def _tables(
    content: Any, place: tuple[str, ...], seen: set[int]
) -> Iterator[tuple[Any, dict[str, Tensor], Any]]:
    """Tables of named tensors: where they are, the tensors, and the names of what is no tensor.

    `seen` are the ids of tables that were looked into: of tables that share what is in them there
    are more ways than a file has bytes.
    """
    if id(content) in seen or not isinstance(content, Mapping):
        return
    seen.add(id(content))
    if not all(isinstance(key, str) for key in content):
        return
    tensors = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    inside = {key: value for key, value in content.items() if isinstance(value, Mapping)}
    if tensors:
        yield place, tensors, [key for key in content if key not in tensors and key not in inside]
    if len(place) < DEPTH:
        for key, value in inside.items():
            if not key.lower().startswith(NO_NETWORK):
                yield from _tables(value, (*place, key), seen)


def _told(place: tuple[str, ...], beside: list[str], places: list[tuple[str, ...]]) -> list[str]:
    told = []
    others = [".".join(other) for other in places if other != place]
    if others:
        averaged = ", averaged ones (EMA)" if any(map(_averaged, place)) else ""
        told.append(
            f"the weights under {quoted('.'.join(place))} are taken{averaged}; those under "
            f"{_few(others)} are left out"
        )
    elif place and beside:
        told.append(f"left out beside the weights: {_few(beside)}")
    return told


def _stripped(tensors: dict[str, Tensor], told: list[str]) -> Iterator[Candidate]:
    """The tensors without counters, and then without each prefix that most of them have."""
    kept = {key: value for key, value in tensors.items() if not _is_counter(key)}
    if len(kept) < len(tensors):
        number = len(tensors) - len(kept)
        told = [*told, f"left out: {number} counts of operations ({', '.join(COUNTERS)})"]
    yield Candidate(kept, tuple(told))
    yield from _without_prefix(kept, told, DEPTH)


def _without_prefix(tensors: dict[str, Tensor], told: list[str], depth: int) -> Iterator[Candidate]:
    sizes = Counter(key.partition(".")[0] for key in tensors if "." in key)
    most = max(sizes.values(), default=0)
    likely = [name for name in sizes if 2 * sizes[name] >= len(tensors) or 2 * most > len(tensors)]
    likely = [name for name in likely if 2 * sizes[name] >= most]
    for name in sorted(likely, key=lambda name: (not _averaged(name), -sizes[name])):
        inside = {
            key.removeprefix(f"{name}."): value
            for key, value in tensors.items()
            if key.startswith(f"{name}.")
        }
        left = [key for key in tensors if not key.startswith(f"{name}.")]
        averaged = " (averaged, EMA)" if _averaged(name) and left else ""
        said = [f"of {quoted(f'{name}.*')}{averaged}; left out: {_few(left)}"] if left else []
        yield Candidate(inside, (*told, *said))
        if depth > 1:
            yield from _without_prefix(inside, [*told, *said], depth - 1)


def _averaged(name: str) -> bool:
    """Whether a key says that the weights are averaged over the steps of training."""
    words = name.lower().replace(".", "_").split("_")
    return any(word in ("ema", "swa", "averaged") for word in words)


def _is_counter(key: str) -> bool:
    return key.rpartition(".")[2] in COUNTERS


def _few(names: list[str]) -> str:
    """ "'a', 'b' and 7 more"."""
    shown = ", ".join(map(quoted, names[:3]))
    return shown if len(names) <= 3 else f"{shown} and {len(names) - 3} more"
