import pytest

from martlet.errors import MartletError
from martlet.report.result import caveats, percent, sentence, wilson


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        # Newcombe, Statistics in Medicine 17 (1998), table I, method 3.
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_gives_the_published_intervals(correct, total, low, high):
    assert wilson(correct, total) == pytest.approx((low, high), abs=5e-5)


def test_wilson_knows_nothing_of_no_pictures():
    assert wilson(0, 0) == (0, 1)


@pytest.mark.parametrize(("correct", "total"), [(-1, 5), (6, 5), (1, 0)])
def test_wilson_refuses_impossible_counts(correct, total):
    with pytest.raises(MartletError, match=f"correct={correct} of total={total}"):
        wilson(correct, total)


@pytest.mark.parametrize(
    ("share", "text"),
    [
        (0.9777, "97.8"),
        (1.0, "100"),
        (0.0, "0"),
        (0.9999, "99.99"),
        (0.99999, "99.999"),
        (0.0004, "0.04"),
        (0.5, "50.0"),
    ],
)
def test_percent_says_all_and_none_only_of_all_and_none(share, text):
    assert percent(share) == f"{text}\u00a0%"


def test_percent_of_no_number():
    assert percent(float("nan")) == "–"


def test_the_sentence_gives_counts_share_and_interval():
    assert sentence("net", "test", 352, 360).replace("\u00a0", " ") == (
        "net names 352 of 360 test pictures right: 97.8 % (95 % interval 95.7 % to 98.9 %)."
    )
    assert "validation pictures" in sentence("net", "val", 3, 4)
    assert "no picture to score" in sentence("net", "test", 0, 0)


EVEN = [("cat", 500), ("dog", 500)]


def test_a_large_even_test_part_needs_no_caveat():
    assert caveats("test", False, 950, 1000, EVEN) == []


def test_the_part_that_chose_the_checkpoint_is_said_to_flatter():
    (told,) = caveats("val", True, 950, 1000, EVEN)
    assert "chose the checkpoint" in told
    assert "flatters" in told


def test_training_pictures_are_said_to_prove_nothing():
    (told,) = caveats("train", False, 950, 1000, EVEN)
    assert "trained on these very pictures" in told


def test_a_small_part_is_said_to_be_small():
    (told,) = caveats("test", False, 30, 36, [("cat", 18), ("dog", 18)])
    assert told.replace("\u00a0", " ") == (
        "Only 36 pictures were scored: the true accuracy may well be anywhere from "
        "68.1 % to 92.1 %."
    )


def test_uneven_classes_are_compared_with_always_guessing_the_largest():
    (told,) = caveats("test", False, 950, 1000, [("cat", 900), ("dog", 100)])
    assert "900 × cat" in told
    assert "100 × dog" in told
    assert "90.0\u00a0%" in told
    assert "balanced accuracy" in told
    assert caveats("test", False, 950, 1000, [("cat", 700), ("dog", 300)]) == []


def test_classes_without_a_picture_are_named():
    support = [("cat", 500), ("dog", 0), ("cow", 500)]
    (told,) = caveats("test", False, 950, 1000, support)
    assert told == "1 class has no picture here, so nothing is known about: dog."
    many = [*EVEN, *((f"c{number}", 0) for number in range(9))]
    (told,) = caveats("test", False, 950, 1000, many)
    assert told.endswith("c0, c1, c2, c3, c4, ….")
