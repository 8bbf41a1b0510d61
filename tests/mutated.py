"""Files changed at random, the same ones every time, and how what reads them ended."""

import copy
import json
import random
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from martlet.errors import MartletError

ODD: list[Any] = [
    *(None, True, -1, 0, 1, 3.5, 2**31, 2**64, 10**400, 1e308, float("nan"), "", "x", "a\x1b[31m"),
    *([], {}, [1, 2], ["a", "a"], [["a"]], {"a": 1}, {"kind": "se"}, "resnet18", "hybridsn", 10**7),
    *("../../x", "\ud800", [None], [[]], {"": {}}),
]
DEEP = "[" * 5000 + "]" * 5000
MOST_MEMORY = 2 * 2**30  # bytes that the process may grow by
LINUX = sys.platform == "linux"


def places(value: Any, place: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where each value of a table lies; of a list, its first alone."""
    yield place
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*place, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*place, 0))


def mutated_json(value: Any, draw: random.Random) -> str:
    """The text of a table in which one value is another, or is left out."""
    value = copy.deepcopy(value)
    place, odd = draw.choice(list(places(value))), draw.choice([*ODD, DEEP, "leave out"])
    if not place:
        value = odd
    else:
        inner = value
        for key in place[:-1]:
            inner = inner[key]
        if odd == "leave out":
            del inner[place[-1]]
        else:
            inner[place[-1]] = odd
    return json.dumps(value).replace(f'"{DEEP}"', DEEP)


def mutated_bytes(content: bytes, draw: random.Random) -> bytes:
    """Some bytes other ones, mostly near the start or the end, or cut, or repeated."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 8, 64))):
        near = draw.choice((64, 2000, len(changed)))
        at = draw.randrange(min(near, len(changed)))
        changed[at if draw.random() < 0.7 else -1 - at] = draw.randrange(256)
    kind = draw.random()
    if kind < 0.15:
        return bytes(changed[: draw.randrange(len(changed))])
    if kind < 0.2:
        return bytes(changed) + bytes(changed[: draw.randrange(5000)])
    return bytes(changed)


class Counts:
    """How the cases ended; any end but a sentence or an answer fails the test at once."""

    def __init__(self) -> None:
        self.ends: Counter[str] = Counter()
        if LINUX:
            Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        self.before = bytes_of("VmRSS")

    def try_out(self, verb: Callable[[], Any]) -> Any:
        try:
            answer = verb()
        except MartletError as error:
            said = str(error)
        else:
            self.ends["answer"] += 1
            return answer
        assert "\n" not in said
        assert len(said) < 2000, said
        self.ends["sentence"] += 1
        return None

    def show(self, what: str) -> None:
        print(f"{what}: {self.ends['sentence']} sentences, {self.ends['answer']} answers")
        grown = bytes_of("VmHWM") - self.before
        assert grown < MOST_MEMORY, f"{grown / 2**20:.0f} MiB"


def bytes_of(figure: str) -> int:
    """A line of what Linux tells of this process; elsewhere 0."""
    if not LINUX:
        return 0
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(figure))
