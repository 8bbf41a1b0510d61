import numpy as np
import pytest

from martlet.data.scenes.pixel_split import GUARD, TEST, TRAIN, PixelSplit
from martlet.data.scenes.split_notes import check_counts, notes_about
from martlet.errors import MartletError

# One row: 20 pixels of class 1, 6 of class 2.
LABELS = np.array([[1] * 20 + [2] * 6], np.int32)
NAMES = {1: "corn", 2: "oats"}


def split(parts: list[int], protocol: str, window: int = 5, guard: int = 0) -> PixelSplit:
    return PixelSplit(LABELS, np.array([parts], np.uint8), protocol, window, NAMES, guard)


FAR = [TRAIN, *[GUARD] * 2, *[TEST] * 17, *[TEST] * 3, *[GUARD] * 2, TRAIN]


def test_a_disjoint_split_says_what_it_keeps() -> None:
    assert notes_about(split(FAR, "disjoint", guard=2)) == [
        "Labelled pixels within 2 of a training pixel, which are left out: 4 of 26 (15.4%); what "
        "is not trained on is kept from 60.0% (class 'oats') to 89.5% (class 'corn').",
        "Test pixels whose window shares pixels with a training window: 4 of 20 (20.0%); none "
        "lies in one.",
        "Classes with fewer than 10 test pixels: 'oats'.",
    ]


def test_without_a_guard_nothing_is_lost() -> None:
    apart = [TRAIN, *[TEST] * 19, *[TEST] * 5, TRAIN]
    assert notes_about(split(apart, "disjoint", window=1)) == [
        "Classes with fewer than 10 test pixels: 'oats'."
    ]


@pytest.mark.parametrize("protocol", ["random", "given"])
def test_a_split_that_leaks_is_optimistic(protocol: str) -> None:
    beside = [TRAIN, *[TEST] * 19, *[TEST] * 5, TRAIN]
    assert notes_about(split(beside, protocol))[0] == (
        f"The {protocol} split is optimistic: 4 of 24 test pixels (16.7%) lie in the window of a "
        "training pixel, so training has seen them."
    )


def test_by_chance_is_optimistic_without_windows_too() -> None:
    assert "random split is optimistic" in notes_about(split(FAR, "random"))[0]
    assert notes_about(split(FAR, "given")) == ["Classes with fewer than 10 test pixels: 'oats'."]


def test_too_few_test_pixels() -> None:
    check_counts(split(FAR, "disjoint", guard=2), 3)
    with pytest.raises(MartletError) as raised:
        check_counts(split(FAR, "disjoint", guard=2), 4)
    assert str(raised.value) == (
        "too few test pixels of class 'oats' remain with window=5 and its guard: 'oats' 3, 'corn' "
        "17, and each class needs 4; give a smaller window, a smaller train_share, take the class "
        "out of the label map, or split random, which is optimistic."
    )


def test_a_class_that_no_split_can_keep() -> None:
    parts = [TRAIN, *[GUARD] * 7, *[TEST] * 10, *[GUARD] * 7, TRAIN]
    with pytest.raises(MartletError, match="'oats' is 6 pixels long: no window above 9 leaves any"):
        check_counts(split(parts, "disjoint", window=15, guard=7), 1)


def test_a_given_split_without_a_class() -> None:
    with pytest.raises(MartletError, match="given split has no training pixel of class 'oats'"):
        check_counts(split([TRAIN, *[TEST] * 25], "given"), 1)
    with pytest.raises(MartletError, match=r"'oats' remain: 'oats' 0, 'corn' 19.*label more"):
        check_counts(split([TRAIN, *[TEST] * 19, *[TRAIN] * 6], "given"), 1)
