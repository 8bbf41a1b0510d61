import numpy as np
import pytest

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.views import VIEWS, Views, views

PICTURE = np.random.default_rng(0).integers(0, 256, (40, 56, 3), np.uint8)
PREPROCESS = Preprocess(size=32)


@pytest.mark.parametrize("tta", ["none", "flip", "crops"])
def test_the_first_view_is_the_only_one_without(tta: Views) -> None:
    found = views(PICTURE, PREPROCESS, tta)
    assert found.shape == (VIEWS[tta], 32, 32, 3)
    assert np.array_equal(found[0], PREPROCESS.crop(PICTURE))
    half = VIEWS[tta] // 2
    assert np.array_equal(found[half:][:half], found[:half, :, ::-1])


def test_the_others_are_the_corners() -> None:
    corners = views(PICTURE, PREPROCESS, "crops")[1:5]
    expected = [PICTURE[y : y + 32, x : x + 32] for y in (0, 8) for x in (0, 24)]
    assert np.array_equal(corners, expected)


def test_a_picture_without_room_is_padded_by_its_reflection() -> None:
    square = PICTURE[:32, :32]
    found = views(square, PREPROCESS, "crops")
    assert np.array_equal(found[1][2:, 2:], square[:30, :30])
    assert np.array_equal(found[1][0], found[1][4])
    assert np.array_equal(found[4][:30, :30], square[2:, 2:])
