"""Milliseconds per call, side by side: engines take turns, so a slow minute hits all of them."""

import gc
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from math import isfinite

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.measuring.engines import Engine

WARM_UP_CALLS = 3  # untimed calls whenever an engine's turn comes: caches and threads wake up
ATTEMPTS = 3  # until the machine is quiet
STEADY_CALLS = 1.5  # p90 over p10, above which something else took the processor
STEADY_ROUNDS = 1.3  # the slowest round's median over the fastest's
OWN_CORE = 0.9  # of the time, below which one thread did not have its core for itself


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
    core_share: float = 1.0  # of the time that the calling thread was given a core
    record: Mapping[str, str] = field(default_factory=dict)  # of another machine; {}: of this one
    reliable: bool = field(init=False)  # whether nothing else seems to have run meanwhile

    def __post_init__(self) -> None:
        object.__setattr__(self, "reliable", self.unsteady <= 1)

    @property
    def images_per_second(self) -> float:
        return 1000.0 * self.batch / self.median_ms

    @property
    def unsteady(self) -> float:
        """How far calls, or rounds, differ by the limits above; over 1 the machine was busy."""
        calls = self.p90_ms / self.p10_ms / STEADY_CALLS
        rounds = max(self.round_medians_ms) / min(self.round_medians_ms) / STEADY_ROUNDS
        share = OWN_CORE / max(self.core_share, 1e-3) if self.threads == 1 else 0.0
        return max(calls, rounds, share)


def latency(
    engines: Sequence[Engine],
    batch: NDArray[np.float32],
    *,
    seconds: float = 2.0,
    rounds: int = 5,
    attempts: int = ATTEMPTS,
) -> list[Latency]:
    """Time every engine on `batch` for about `seconds` each, spread over `rounds` turns.

    Each turn starts with untimed calls; the order of the engines is reversed every other round.
    Every call is timed alone; the garbage collector is off meanwhile. When the times differ as on
    a busy machine, all of it is done again, up to `attempts` times; the steadiest counts.
    """
    if not engines:
        raise MartletError("engines is empty; give at least one engine.")
    if rounds < 1 or not seconds > 0 or not isfinite(seconds):
        raise MartletError(
            f"seconds={seconds}, rounds={rounds} is not accepted; give a finite number of seconds "
            "above 0 and 1 round or more."
        )
    found: list[list[Latency]] = []
    with _collector_off():
        while len(found) < max(attempts, 1) and not (
            found and all(row.reliable for row in found[-1])
        ):
            found.append(_attempt(engines, batch, seconds / rounds, rounds))
    return min(found, key=lambda rows: max(row.unsteady for row in rows))


def _attempt(
    engines: Sequence[Engine], batch: NDArray[np.float32], seconds: float, rounds: int
) -> list[Latency]:
    times: list[list[list[float]]] = [[] for _ in engines]
    worked = [0.0] * len(engines)  # seconds on a core
    turns = list(range(len(engines)))
    for turn in range(rounds):
        for index in turns if turn % 2 == 0 else reversed(turns):
            spent, seconds_on_core = _one_round(engines[index], batch, seconds)
            times[index].append(spent)
            worked[index] += seconds_on_core
    return [
        replace(summary(engine, len(batch), spent), core_share=on_core / sum(map(sum, spent)))
        for engine, spent, on_core in zip(engines, times, worked, strict=True)
    ]


def _one_round(
    engine: Engine, batch: NDArray[np.float32], seconds: float
) -> tuple[list[float], float]:
    """Seconds of each call in one turn, at least one, and seconds that this thread had a core."""
    spent: list[float] = []
    with engine.active():
        for _ in range(WARM_UP_CALLS):
            engine.run(batch)
        on_core = time.thread_time()
        end = time.perf_counter() + seconds
        while not spent or time.perf_counter() < end:
            start = time.perf_counter()
            engine.run(batch)
            spent.append(time.perf_counter() - start)
        on_core = time.thread_time() - on_core
    return spent, on_core


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
