"""Simulated motions: files that are read as recordings, the same every time."""

from pathlib import Path

import numpy as np

from martlet.data.series.read import read_recordings
from martlet.data.series.simulated import (
    CHANNELS,
    GRAVITY,
    MOTIONS,
    simulate,
    write_day,
    write_motions,
)


def test_they_are_read_with_their_rate_subjects_and_motions(tmp_path: Path) -> None:
    found = read_recordings(write_motions(tmp_path, subjects=2, seconds=2.0))
    assert found.classes == tuple(sorted(MOTIONS))
    assert found.subjects == ("subject1", "subject2")
    assert found.channels == CHANNELS
    assert found.rate == 50.0
    assert {len(item) for item in found} == {100}


def test_a_day_has_a_label_for_each_sample(tmp_path: Path) -> None:
    (day,) = read_recordings(write_day(tmp_path / "day.csv"))
    assert day.labels is not None
    assert len(set(day.labels.tolist())) == len(MOTIONS)
    assert len(day) == 148 * 50


def test_who_stands_feels_gravity_alone_and_who_runs_swings() -> None:
    still, running = (simulate(name, 10, 1, 0)[:, :3] for name in ("stand", "run"))
    assert abs(np.linalg.norm(still, axis=1).mean() - GRAVITY) < 0.3
    assert np.linalg.norm(still, axis=1).std() < 0.6 < np.linalg.norm(running, axis=1).std()
    np.testing.assert_array_equal(still, simulate("stand", 10, 1, 0)[:, :3])
    assert not np.array_equal(still, simulate("stand", 10, 2, 0)[:, :3])
