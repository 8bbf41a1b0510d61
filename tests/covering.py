"""A covering array: few rows of options in which each pair of two options' values stands."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any

Row = dict[str, Any]
Pair = frozenset[tuple[str, Any]]


def pairs(row: Row) -> Iterable[Pair]:
    """All pairs of (option, value) in a row."""
    return (frozenset(two) for two in combinations(row.items(), 2))


def covering(values: Mapping[str, Sequence[Any]], allowed: Callable[[Row], bool]) -> list[Row]:
    """Rows that hold each pair which is allowed beside all other options' first values.

    Greedy: a row begins with a pair that no row has yet, and then gives each option the value that
    brings the most further such pairs. The first rows hold most.
    """
    usual = {name: several[0] for name, several in values.items()}
    left: dict[Pair, None] = {}  # a set in the order of insertion: the rows are always the same
    for one, other in combinations(values, 2):
        for mine in values[one]:
            for theirs in values[other]:
                if allowed({**usual, one: mine, other: theirs}):
                    left[frozenset({(one, mine), (other, theirs)})] = None
    rows = []
    while left:
        row: Row = dict(sorted(next(iter(left)), key=lambda item: list(values).index(item[0])))
        for name in values:
            if name not in row:
                row[name] = _best(name, row, values, usual, left, allowed)
        rows.append({name: row[name] for name in values})
        for pair in pairs(rows[-1]):
            left.pop(pair, None)
    return rows


def _best(
    name: str,
    row: Row,
    values: Mapping[str, Sequence[Any]],
    usual: Row,
    left: Mapping[Pair, None],
    allowed: Callable[[Row], bool],
) -> Any:
    def new(value: Any) -> int:
        return sum(frozenset({(name, value), item}) in left for item in row.items())

    fitting = [value for value in values[name] if allowed({**usual, **row, name: value})]
    return max(fitting, key=new)
