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
    assert "there were no pictures to score" in sentence("net", "test", 0, 0)


EVEN = [("cat", 500), ("dog", 500)]


@pytest.mark.parametrize(
    ("given", "pieces"),
    [
        (("test", False, 950, 1000, EVEN), ()),
        (("test", False, 950, 1000, [("cat", 700), ("dog", 300)]), ()),
        (("val", True, 950, 1000, EVEN), ("chose the checkpoint", "flatters")),
        (("train", False, 950, 1000, EVEN), ("trained on these very pictures",)),
        (
            ("test", False, 30, 36, [("cat", 18), ("dog", 18)]),
            ("Only 36 pictures were scored", "anywhere from 68.1 % to 92.1 %."),
        ),
        (
            ("test", False, 950, 1000, [("cat", 900), ("dog", 100)]),
            ("900 × cat", "100 × dog", "90.0 %", "balanced accuracy"),
        ),
        (
            ("test", False, 950, 1000, [("cat", 500), ("dog", 0), ("cow", 500)]),
            ("1 class has no pictures here, so nothing is known about: dog.",),
        ),
        (
            ("test", False, 950, 1000, [*EVEN, *((f"c{number}", 0) for number in range(9))]),
            ("c0, c1, c2, c3, c4, ….",),
        ),
        (
            ("test", False, 500, 1000, EVEN, 1),
            ("All pictures got one and the same answer", "learnt nothing"),
        ),
        (("test", False, 500, 1000, EVEN, 2), ()),
    ],
)
def test_what_weakens_a_figure_is_said_and_nothing_else(given, pieces):
    told = caveats(*given)
    assert len(told) == bool(pieces)
    for piece in pieces:
        assert piece in told[0].replace("\u00a0", " ")
