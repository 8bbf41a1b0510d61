import numpy as np
import pytest

from martlet.measuring.calibration import adaptive_error, calibration, reliability

# Four answers of two classes: 0.9 right, 0.9 wrong, 0.8 right, 0.5 right (its class is the first).
PROBABILITIES = np.array([[0.9, 0.1], [0.1, 0.9], [0.8, 0.2], [0.5, 0.5]])
LABELS = np.array([0, 0, 0, 0])


def test_figures_of_a_case_counted_by_hand() -> None:
    found = reliability(PROBABILITIES, LABELS, bins=5)  # (0.4, 0.6], (0.6, 0.8], (0.8, 1]
    np.testing.assert_allclose(found.low, [0.4, 0.6, 0.8])
    assert found.count.tolist() == [1, 1, 2]
    np.testing.assert_allclose(found.confidence, [0.5, 0.8, 0.9])
    np.testing.assert_allclose(found.accuracy, [1, 1, 0.5])
    assert found.error == pytest.approx((1 * 0.5 + 1 * 0.2 + 2 * 0.4) / 4)
    # Two bins of two: (0.5, 0.8) all right, (0.9, 0.9) half right.
    assert adaptive_error(PROBABILITIES, LABELS, bins=2) == pytest.approx((0.35 + 0.4) / 2)
    squares = 2 * 0.1**2 + 2 * 0.9**2 + 2 * 0.2**2 + 2 * 0.5**2
    assert calibration(PROBABILITIES, LABELS)["brier"] == pytest.approx(squares / 4)


def test_sure_and_right_is_no_error() -> None:
    found = calibration(np.eye(3), np.arange(3))
    assert found == {"ece": 0.0, "ece_adaptive": 0.0, "brier": 0.0}


def test_an_edge_belongs_to_the_bin_below_it() -> None:
    found = reliability(np.array([[0.6, 0.4], [0.61, 0.39]]), np.array([0, 0]), bins=5)
    assert found.count.tolist() == [1, 1]


def test_more_bins_than_samples() -> None:
    assert adaptive_error(PROBABILITIES, LABELS, bins=9) == pytest.approx(
        (0.5 + 0.2 + 0.1 + 0.9) / 4
    )
