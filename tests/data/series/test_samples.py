"""Windows as samples: what is counted, hashed, fitted."""

from pathlib import Path

import numpy as np
import pytest

from martlet.data.series.preprocess import SeriesPreprocess
from martlet.data.series.recording import Recording, Recordings
from martlet.data.series.samples import SeriesSamples, samples_of
from martlet.data.series.windows import cut_windows
from martlet.errors import MartletError


def samples(classes: tuple[str, ...] = ("run", "sit", "walk"), people: int = 2) -> SeriesSamples:
    """For each of two of the classes a recording a subject; the second channel never changes."""
    generator = np.random.default_rng(0)
    items = []
    for subject in range(people):
        for label in (0, 2):
            values = generator.normal(subject * 10.0, 1.0, (9, 2)).astype(np.float32)
            values[:, 1] = 7.0
            name = f"{classes[label % len(classes)]}/{subject}"
            items.append(Recording(name, values, ("x", "y"), name, label, None, f"s{subject}"))
    recordings = Recordings(Path("r"), "table", classes, tuple(items), ("told",))
    windows = cut_windows(recordings, window=4, stride=2)
    preprocess = SeriesPreprocess(("x", "y"), None, windows.window, windows.stride)
    return samples_of(windows, preprocess)


def test_they_are_aligned_and_classes_without_a_window_are_gone() -> None:
    found = samples()
    assert found.classes == ("run", "walk")
    assert len(found) == 12 == len(found.digests) == len(found.names) == len(found.parts)
    assert list(found.labels) == [0] * 3 + [1] * 3 + [0] * 3 + [1] * 3
    assert list(found.groups) == ["s0"] * 6 + ["s1"] * 6
    assert found.by_subject
    assert len(set(found.digests)) == 12
    assert np.shares_memory(found[1], found.windows.recordings[0].values)
    assert any("sit" in sentence for sentence in found.odd)


def test_scale_is_that_of_samples_in_training_windows_each_once() -> None:
    found = samples()
    made = found.fit(found.preprocess, [0, 1])  # samples 0 to 5 of the first recording
    held = found.windows.recordings[0].values[:6].astype(np.float64)
    np.testing.assert_allclose(made.preprocess.mean, held.mean(0))
    np.testing.assert_allclose(made.preprocess.std, [held[:, 0].std(), 1.0])
    assert made.odd[-1] == "Channels that are constant in the training part: 'y'."
    again = made.fit(made.preprocess, range(12))
    assert again.preprocess == made.preprocess


def test_one_class_alone_is_refused() -> None:
    found = samples()
    alone = found.windows.recordings.items[:1]
    recordings = Recordings(Path("r"), "table", ("run",), alone)
    windows = cut_windows(recordings, window=4)
    with pytest.raises(MartletError, match=r"windows of 1 class alone, 'run'; give recordings"):
        samples_of(windows, SeriesPreprocess())
    assert samples_of(windows, SeriesPreprocess(), min_classes=1).classes == ("run",)


def scaled(factor: float) -> SeriesSamples:
    made = samples()
    for item in made.windows.recordings:
        item.values[:, 0] *= np.float32(factor)
    return made.fit(made.preprocess, range(len(made)))


def test_values_too_small_to_scale_are_only_centred() -> None:
    fitted = scaled(1e-39)
    assert fitted.odd[-1] == "Channels that are constant in the training part: 'x', 'y'."
    assert np.isfinite(fitted.preprocess.normalise(fitted[0])).all()


def test_a_channel_that_no_sensor_has_is_named() -> None:
    with pytest.raises(MartletError, match=r"channel 'x' has a mean or a deviation above 1e\+30"):
        scaled(1e35)
