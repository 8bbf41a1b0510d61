"""How many of each class are held out, in what `split_samples` makes of it."""

from typing import Any

import pytest
from tests.data.test_split import counts, made_up

from martlet.data.hold_out import hold_out
from martlet.data.split import split_samples
from martlet.errors import MartletError


def test_only_what_is_in_train_is_divided_and_keys_stay_together() -> None:
    placed: list[str | None] = ["val", "train", "train", "train", "train", None]
    keys = ["a", "b", "b", "c", "d", "e"]
    asked: dict[str, Any] = {"seed": 0, "name_of": str, "unit": "picture", "whole": False}
    assert hold_out(placed, [0] * 6, keys, {"test": 0.34}, **asked) == []
    assert (placed[0], placed[5]) == ("val", None)
    assert placed[1] == placed[2]
    assert len({key for key, part in zip(keys, placed, strict=True) if part == "test"}) == 1


@pytest.mark.parametrize(
    ("size", "expected"),
    [(2, [1, 0, 1]), (3, [1, 1, 1]), (4, [2, 1, 1]), (5, [3, 1, 1]), (10, [7, 1, 2])],
)
def test_small_classes(size: int, expected: list[int]) -> None:
    labels, digests = made_up(size, 50)
    split = split_samples(labels, digests, val=0.1, test=0.2, classes=["few", "many"])
    assert counts(split, labels, 0) == expected
    assert counts(split, labels, 1) == [35, 5, 10]
    assert bool(split.notes) == (size == 2)
    if size == 2:
        assert split.notes == ("Classes with 2 pictures, one for train and one for test: 'few'.",)


def test_of_groups_the_sentences_count_groups() -> None:
    """A class of one subject has many windows, and cannot be divided."""
    labels, groups = [0, 0, 0, 1, 1, 1, 1], ["ann", "ann", "ann", "ben", "ben", "eve", "eve"]
    given: dict[str, Any] = {"groups": groups, "noun": "window", "group": "subject"}
    digests = list(map(str, range(7)))
    with pytest.raises(MartletError, match=r"^class 'sit' has one subject to divide; at least 2"):
        split_samples(labels, digests, classes=["sit", "walk"], **given)
    given["groups"] = [
        name if label else f"{name}{n}"
        for n, (name, label) in enumerate(zip(groups, labels, strict=True))
    ]
    split = split_samples(labels, digests, classes=["sit", "walk"], **given)
    assert split.notes == ("Classes with 2 subjects, one for train and one for test: 'walk'.",)


def test_a_class_with_one_picture() -> None:
    labels, digests = made_up(5, 1)
    with pytest.raises(MartletError, match=r"class 'b' has one picture .* at least 2"):
        split_samples(labels, digests, classes=["a", "b"])
    with pytest.raises(MartletError, match="class 1 has one picture"):
        split_samples(labels, digests)
    # five copies are one picture
    with pytest.raises(MartletError, match="class 1 has one picture"):
        split_samples([0] * 5 + [1] * 5, digests[:5] + digests[5:] * 5)
    nothing_held_out = split_samples(labels, digests, val=0, test=0)
    assert nothing_held_out.train == tuple(range(6))
