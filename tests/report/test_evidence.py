import numpy as np
import pytest

from martlet.errors import MartletError
from martlet.report.evidence import between, overlay

GRAY = np.full((40, 60, 3), 100, np.uint8)


def brightest(shown: np.ndarray) -> tuple[int, ...]:
    return tuple(map(int, np.unravel_index(shown.sum(axis=2, dtype=int).argmax(), shown.shape[:2])))


def test_the_first_place_lies_over_the_first_pixel() -> None:
    for place, pixel in {(0, 0): (0, 0), (1, 2): (10, 20), (3, 5): (30, 50)}.items():
        evidence = np.zeros((4, 6), np.float32)
        evidence[place] = 0.01  # the scale does not matter
        shown = overlay(GRAY, evidence)
        assert (shown.shape, shown.dtype) == (GRAY.shape, np.uint8)
        assert brightest(shown) == pixel
        np.testing.assert_array_equal(shown, overlay(GRAY, 1e6 * evidence))


def test_weights_of_places_add_up_to_one() -> None:
    np.testing.assert_allclose(between(7, 3).sum(axis=1), 1)
    np.testing.assert_array_equal(between(4, 2), [[1, 0], [0.5, 0.5], [0, 1], [0, 1]])
    assert between(2, 5).shape == (2, 5)


def test_it_lies_within_the_box_and_the_rest_is_dark() -> None:
    evidence = np.zeros((3, 3), np.float32)
    evidence[0, 0] = 1
    shown = overlay(GRAY, evidence, (10.4, 0, 50.4, 40))
    row, column = brightest(shown)
    assert row < 8
    assert 10 <= column < 18
    assert set(np.unique(shown[:, :10])) == set(np.unique(shown[:, 50:])) == {30}


@pytest.mark.parametrize("sign", [0, -1])
def test_what_speaks_against_a_class_is_no_evidence(sign: int) -> None:
    shown = overlay(GRAY, np.full((2, 2), sign, np.float32))
    assert len(np.unique(shown.reshape(-1, 3), axis=0)) == 1
    assert shown[0, 0].sum() < GRAY[0, 0].sum()


def test_a_thin_picture_and_a_box_thinner_than_a_pixel() -> None:
    shown = overlay(GRAY[:1], np.ones((2, 2), np.float32), (29.6, 0, 29.9, 1))
    assert shown.shape == (1, 60, 3)


@pytest.mark.parametrize("evidence", [np.zeros(3), np.zeros((0, 2)), np.array([[np.nan]])])
def test_no_map_is_refused(evidence: np.ndarray) -> None:
    with pytest.raises(MartletError, match="is no map of finite numbers"):
        overlay(GRAY, evidence)


def test_lines_of_the_picture_stay_seen_under_the_highest_evidence() -> None:
    lines = np.zeros((8, 8, 3), np.uint8)
    lines[:, ::2] = 255
    shown = overlay(lines, np.ones((1, 1), np.float32)).mean(axis=2)
    assert shown[:, ::2].min() - shown[:, 1::2].max() > 100
