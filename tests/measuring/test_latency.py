import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from itertools import pairwise

import numpy as np
import pytest

import martlet.measuring.latency as module
from martlet.errors import MartletError
from martlet.measuring.engines import Engine
from martlet.measuring.latency import WARM_UP_CALLS, latency

BATCH = np.zeros((4, 3, 8, 8), np.float32)


class Clock:
    """Stands in for the time module: it moves only when an engine is called."""

    def __init__(self) -> None:
        self.now = 100.0
        self.core_share = 1.0

    def perf_counter(self) -> float:
        return self.now

    def thread_time(self) -> float:
        return self.now * self.core_share


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "time", made)
    return made


def engine(
    name: str, clock: Clock, seconds: Callable[[int], float], log: list[str] | None = None
) -> Engine:
    """Its call number n (from 0, warm-up included) takes seconds(n)."""
    calls = 0

    def run(batch: np.ndarray) -> np.ndarray:
        nonlocal calls
        clock.now += seconds(calls)
        calls += 1
        if log is not None:
            log.append(name)
        return batch

    return Engine(name, 1, run)


def test_median_and_percentiles_are_those_of_the_calls(clock: Clock) -> None:
    # One turn: the untimed calls are slow, then calls take 1, 2, ... ms until 1 s is over.
    def seconds(n: int) -> float:
        return 9.0 if n < WARM_UP_CALLS else (n - WARM_UP_CALLS + 1) / 1000

    (found,) = latency([engine("a", clock, seconds)], BATCH, seconds=1.0, rounds=1, attempts=1)
    taken = np.arange(1, found.calls + 1)
    assert taken[:-1].sum() < 1000 <= taken.sum()
    assert found.median_ms == pytest.approx(np.median(taken))
    assert found.p10_ms == pytest.approx(np.percentile(taken, 10))
    assert found.p90_ms == pytest.approx(np.percentile(taken, 90))
    assert found.round_medians_ms == (pytest.approx(np.median(taken)),)
    assert (found.engine, found.threads, found.batch, found.rounds) == ("a", 1, 4, 1)
    assert found.images_per_second == pytest.approx(4000 / found.median_ms)


def test_engines_take_turns_and_the_order_is_reversed(clock: Clock) -> None:
    log: list[str] = []
    engines = [engine(name, clock, lambda n: 0.25, log) for name in "abc"]
    latency(engines, BATCH, seconds=1.0, rounds=2)
    turns = [log[0]] + [now for before, now in pairwise(log) if now != before]
    assert turns == ["a", "b", "c", "b", "a"]  # c's two turns follow each other
    assert log.count("c") == 2 * (WARM_UP_CALLS + 2)


def test_a_slow_minute_hits_every_engine(clock: Clock) -> None:
    def seconds(n: int) -> float:
        return 0.01 if clock.now < 102 else 0.03

    engines = [engine("a", clock, seconds), engine("b", clock, seconds)]
    found = latency(engines, BATCH, seconds=5.0, rounds=10, attempts=1)
    for row in found:
        assert row.round_medians_ms[0] == pytest.approx(10)
        assert row.round_medians_ms[-1] == pytest.approx(30)
        assert row.p10_ms < row.median_ms <= row.p90_ms


def test_a_busy_machine_is_waited_for_and_then_said(clock: Clock) -> None:
    def seconds(n: int) -> float:  # every third call waits, until the machine is quiet
        return 0.4 if n % 3 == 0 and clock.now < quiet_from else 0.005

    quiet_from = clock.now + 6
    (waited,) = latency([engine("a", clock, seconds)], BATCH, seconds=2.0)
    assert waited.reliable
    assert asdict(waited)["reliable"]  # programs that read the JSON see it too
    assert waited.median_ms == pytest.approx(5)
    quiet_from = float("inf")
    assert not latency([engine("a", clock, seconds)], BATCH, seconds=2.0)[0].reliable


@pytest.mark.parametrize(("threads", "reliable"), [(1, False), (2, True)])
def test_one_thread_needs_a_core_for_itself(clock: Clock, threads: int, reliable: bool) -> None:
    clock.core_share = 0.4  # even times, all of them too long
    steady = replace(engine("a", clock, lambda n: 0.01), threads=threads)
    (found,) = latency([steady], BATCH, seconds=1.0)
    assert found.core_share == pytest.approx(0.4)
    assert found.reliable is reliable


def test_a_call_longer_than_its_turn_is_still_timed(clock: Clock) -> None:
    (found,) = latency([engine("a", clock, lambda n: 7.0)], BATCH, seconds=0.5, rounds=3)
    assert (found.calls, found.rounds) == (3, 3)
    assert found.median_ms == pytest.approx(7000)


def test_each_turn_is_inside_the_engine_and_without_the_collector(clock: Clock) -> None:
    inside: list[bool] = []
    open_turns = 0

    @contextmanager
    def active() -> Iterator[None]:
        nonlocal open_turns
        open_turns += 1
        clock.now += 50  # must not be counted
        yield
        open_turns -= 1

    def run(batch: np.ndarray) -> np.ndarray:
        inside.append(open_turns == 1 and not gc.isenabled())
        clock.now += 0.1
        return batch

    (found,) = latency([Engine("a", 2, run, active)], BATCH, seconds=1.0, rounds=2)
    assert all(inside)
    assert open_turns == 0
    assert gc.isenabled()
    assert found.median_ms == pytest.approx(100)


def test_the_collector_comes_back_after_a_failure() -> None:
    def run(batch: np.ndarray) -> np.ndarray:
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        latency([Engine("a", 1, run)], BATCH)
    assert gc.isenabled()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"rounds": 0}, "rounds=0 is not accepted"),
        ({"seconds": 0.0}, r"seconds=0\.0"),
        ({"seconds": float("nan")}, "seconds=nan"),
        ({"seconds": float("inf")}, "seconds=inf, .* a finite number of seconds"),
    ],
)
def test_settings_that_measure_nothing(options: dict[str, float], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        latency([Engine("a", 1, lambda batch: batch)], BATCH, **options)
    with pytest.raises(MartletError, match="engines is empty"):
        latency([], BATCH)
