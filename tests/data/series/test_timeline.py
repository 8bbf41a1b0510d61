"""Answers of windows become a timeline, by hand."""

import numpy as np

from martlet.data.series.timeline import Stretch, stretches


def timeline(answers: list[list[float]], shortest: int = 1, length: int = 12) -> list[Stretch]:
    starts = np.arange(len(answers), dtype=np.int64) * 2
    return stretches(np.array(answers), starts, 4, length, shortest)


def test_a_moment_has_the_mean_of_the_windows_over_it() -> None:
    found = timeline([[1.0, 0.0], [0.8, 0.2], [0.1, 0.9], [0.0, 1.0]])
    # Samples 4 and 5 lie in the second and third window: 0.45 and 0.55.
    assert [(one.first, one.stop, one.label) for one in found] == [(0, 4, 0), (4, 12, 1)]
    assert abs(found[0].probability - (1.0 + 0.9) / 2) < 1e-9
    # Behind the last window, whose end is 10, its own answer holds.
    assert abs(found[1].probability - (0.55 * 2 + 0.95 * 2 + 1.0 * 4) / 8) < 1e-9


def test_short_stretches_are_their_neighbours() -> None:
    a, b, c = [1.0, 0, 0], [0.0, 0.9, 0.1], [0, 0.1, 0.9]
    flicker = [a, a, c, c, b, b, b]
    plain = [(s.first, s.stop, s.label) for s in timeline(flicker, length=16)]
    assert plain == [(0, 6, 0), (6, 8, 2), (8, 16, 1)]
    smoothed = [(s.first, s.stop, s.label) for s in timeline(flicker, shortest=4, length=16)]
    assert smoothed == [(0, 6, 0), (6, 16, 1)]
    whole = timeline(flicker, shortest=100, length=16)
    assert [(s.first, s.stop, s.label) for s in whole] == [(0, 16, 1)]


def test_one_window_is_one_stretch() -> None:
    assert timeline([[0.3, 0.7]], length=4) == [Stretch(0, 4, 1, 0.7)]
