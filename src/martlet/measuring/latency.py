"""Milliseconds per call, side by side: engines take turns, so a slow minute hits all of them."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.measuring.engines import Engine

WARM_UP_CALLS = 3  # untimed calls whenever an engine's turn comes: caches and threads wake up


@dataclass(frozen=True)
class Latency:
    """Milliseconds per call of one engine on batches of `batch` pictures."""

    engine: str
    threads: int
    batch: int
    median_ms: float
    p10_ms: float
    p90_ms: float
    rounds: int
    calls: int
    round_medians_ms: tuple[float, ...]  # how far one round differs from the next

    @property
    def images_per_second(self) -> float:
        return 1000.0 * self.batch / self.median_ms


def latency(
    engines: Sequence[Engine],
    batch: NDArray[np.float32],
    *,
    seconds: float = 2.0,
    rounds: int = 5,
) -> list[Latency]:
    """Time every engine on `batch` for about `seconds` each, spread over `rounds` turns.

    Each turn starts with untimed calls; the order of the engines is reversed every other round.
    Every call is timed alone; the garbage collector is off meanwhile.
    """
    if not engines:
        raise MartletError("engines is empty; give at least one engine.")
    if rounds < 1 or not seconds > 0 or not isfinite(seconds):
        raise MartletError(
            f"seconds={seconds}, rounds={rounds} is not accepted; give a finite number of seconds "
            "above 0 and 1 round or more."
        )
    times: list[list[list[float]]] = [[] for _ in engines]
    turns = list(range(len(engines)))
    with _collector_off():
        for turn in range(rounds):
            for index in turns if turn % 2 == 0 else reversed(turns):
                times[index].append(_one_round(engines[index], batch, seconds / rounds))
    return [
        summary(engine, len(batch), spent) for engine, spent in zip(engines, times, strict=True)
    ]


def _one_round(engine: Engine, batch: NDArray[np.float32], seconds: float) -> list[float]:
    """Seconds of each call in one turn, at least one."""
    spent: list[float] = []
    with engine.active():
        for _ in range(WARM_UP_CALLS):
            engine.run(batch)
        end = time.perf_counter() + seconds
        while not spent or time.perf_counter() < end:
            start = time.perf_counter()
            engine.run(batch)
            spent.append(time.perf_counter() - start)
    return spent


def summary(engine: Engine, batch: int, spent: list[list[float]]) -> Latency:
    """Of the seconds of each call in every round."""
    every = 1000.0 * np.concatenate([np.asarray(one) for one in spent])
    p10, median, p90 = np.percentile(every, [10, 50, 90])
    return Latency(
        engine=engine.name,
        threads=engine.threads,
        batch=batch,
        median_ms=float(median),
        p10_ms=float(p10),
        p90_ms=float(p90),
        rounds=len(spent),
        calls=len(every),
        round_medians_ms=tuple(1000.0 * float(np.median(one)) for one in spent),
    )


@contextmanager
def _collector_off() -> Iterator[None]:
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()
