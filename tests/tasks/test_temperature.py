import numpy as np
import pytest
from numpy.typing import NDArray

from martlet.tasks.prediction import softmax
from martlet.tasks.temperature import (
    FEWEST,
    HIGHEST,
    LOWEST,
    Temperature,
    divided,
    fit_temperature,
)


def drawn(samples: int = 4000, classes: int = 5) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Logits whose softmax is the truth, and labels drawn from it."""
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(samples, classes)).astype(np.float32)
    chances = softmax(logits).cumsum(axis=1)
    labels = (generator.random((samples, 1)) > chances).sum(axis=1).clip(0, classes - 1)
    return logits, labels


@pytest.mark.parametrize("temperature", [0.4, 3.0])
def test_a_known_temperature_is_found_again(temperature: float) -> None:
    logits, labels = drawn()
    found = fit_temperature(logits * np.float32(temperature), labels)
    assert found.value == pytest.approx(temperature, rel=0.06)
    assert (found.samples, found.why) == (4000, "")


@pytest.mark.parametrize(("scale", "value"), [(1e-3, LOWEST), (1e3, HIGHEST)])
def test_it_stays_within_its_bounds(scale: float, value: float) -> None:
    logits, labels = drawn(500)
    assert fit_temperature(logits * np.float32(scale), labels).value == pytest.approx(value, 1e-3)


def test_none_is_fitted_where_the_samples_do_not_decide_one() -> None:
    few, labels = drawn(FEWEST - 1)
    assert fit_temperature(few, labels) == Temperature(why="there are fewer than 20 to fit one on")
    sure = np.eye(30, dtype=np.float32)
    right = fit_temperature(sure, np.arange(30))
    assert right == Temperature(why="all 30 are named right, which decides none")
    assert "wrong" in fit_temperature(sure, (np.arange(30) + 1) % 30).why
    flat = np.zeros((40, 4), np.float32)
    assert fit_temperature(flat, np.arange(40) % 4).value == 1
    broken = drawn(40)[0]
    broken[3, 1] = np.nan
    assert fit_temperature(broken, drawn(40)[1]).value == 1


def test_one_wrong_answer_is_enough() -> None:
    logits = 10 * np.eye(30, dtype=np.float32)
    labels = np.arange(30)
    labels[0] = 1  # a class that is never right: the rest is
    found = fit_temperature(logits, labels)
    assert 1 < found.value < HIGHEST


def test_dividing_changes_no_answer_and_by_one_no_bit() -> None:
    logits, _ = drawn(50)
    assert divided(logits, 1.0) is logits
    found = divided(logits, 1.7)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found.argmax(1), logits.argmax(1))
