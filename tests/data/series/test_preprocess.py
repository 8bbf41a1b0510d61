"""What a network sees of a window, on every way the same."""

import numpy as np
import pytest
import torch

from martlet.data import kinds
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.data.series.to_input import ToInput
from martlet.errors import MartletError

FITTED = SeriesPreprocess(("x", "y"), 50.0, 4, 2, mean=(1.0, -2.0), std=(2.0, 0.5), max_gap="0.2s")


def test_training_and_prediction_see_the_same_numbers() -> None:
    windows = np.random.default_rng(0).normal(size=(3, 4, 2)).astype(np.float32)
    made = FITTED.normalise(windows)
    assert made.shape == (3, *FITTED.shape) == (3, 1, 4, 2)
    np.testing.assert_array_equal(made, ToInput(FITTED)(torch.from_numpy(windows)).numpy())
    np.testing.assert_array_equal(made[1], FITTED(windows[1]))
    np.testing.assert_allclose(made[:, 0], (windows - (1.0, -2.0)) / (2.0, 0.5), rtol=1e-6)
    np.testing.assert_array_equal(FITTED.crop(windows[0]), windows[0])


def test_a_header_holds_all_of_it() -> None:
    values = FITTED.to_dict()
    assert values["kind"] == "series"
    assert kinds.preprocess_from(values) == FITTED
    assert not SeriesPreprocess().fitted
    assert SeriesPreprocess().shape == (1, 0, 0)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"window": 2.5}, r"window=2\.5 is not accepted; give a number of samples"),
        ({"stride": -1}, "stride=-1 is not accepted"),
        ({"mean": (1.0,)}, r"mean of 1 numbers does not fit 2 channels"),
        ({"std": (1.0, 0.0)}, "has to be above 0"),
        ({"mean": (1.0, float("nan"))}, "mean holds numbers that are too large"),
        ({"window": 0}, "has a mean, but no window"),
        ({"mean": 3.0}, "values of another type"),
        ({"colour": "red"}, "has colour, unknown to this version"),
    ],
)
def test_odd_settings_are_one_sentence(changed: dict[str, object], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        SeriesPreprocess.from_dict({**FITTED.to_dict(), **changed})


@pytest.mark.parametrize("window", ["walk.csv", np.zeros((4, 3)), np.zeros((4, 2), bool)])
def test_what_is_no_window_is_one_sentence(window: object) -> None:
    with pytest.raises(MartletError, match=r"is no window|does not fit"):
        FITTED(window)
