import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from martlet.data.split import PARTS, Split, split_samples
from martlet.errors import MartletError


def made_up(*per_class: int) -> tuple[list[int], list[str]]:
    """Labels and digests of so many different pictures of each class."""
    labels = [label for label, count in enumerate(per_class) for _ in range(count)]
    return labels, [f"{number:032x}" for number in range(len(labels))]


def counts(split: Split, labels: list[int], label: int) -> list[int]:
    return [sum(labels[i] == label for i in getattr(split, part)) for part in PARTS]


def contents(split: Split) -> dict[str, set[str]]:
    return {part: {split.digests[i] for i in getattr(split, part)} for part in PARTS}


class_sizes = st.lists(st.integers(2, 60), min_size=1, max_size=5)
fractions = st.sampled_from([0.0, 0.02, 0.1, 0.2, 0.25, 1 / 3, 0.45])


@given(sizes=class_sizes, val=fractions, test=fractions, seed=st.integers(0, 5))
def test_parts_cover_all_and_hold_their_share(
    sizes: list[int], val: float, test: float, seed: int
) -> None:
    labels, digests = made_up(*sizes)
    split = split_samples(labels, digests, val=val, test=test, seed=seed)
    assert sorted(split.train + split.val + split.test) == list(range(len(labels)))
    assert split.dropped == ()
    for label, size in enumerate(sizes):
        train, *held = counts(split, labels, label)
        assert train >= 1
        for count, share in zip(held, (val, test), strict=True):
            assert abs(count - share * size) <= 1
            assert bool(count) == bool(share) or size == 2


@given(data=st.data(), sizes=class_sizes, seed=st.integers(0, 3))
def test_copies_stay_together(data: st.DataObject, sizes: list[int], seed: int) -> None:
    labels, digests = made_up(*sizes)
    everywhere = st.integers(0, len(labels) - 1)
    for of in data.draw(st.lists(everywhere, max_size=30)):  # copies, also under other labels
        labels.append(data.draw(st.integers(0, len(sizes) - 1)))
        digests.append(digests[of])
    split = split_samples(labels, digests, seed=seed)
    assert sorted(split.train + split.val + split.test) == list(range(len(labels)))
    in_part = contents(split)
    assert not in_part["train"] & (in_part["val"] | in_part["test"])
    assert not in_part["val"] & in_part["test"]
    of_content: dict[str, set[int]] = {}
    for digest, label in zip(digests, labels, strict=True):
        of_content.setdefault(digest, set()).add(label)
    assert all(len(of_content[d]) == 1 for d in in_part["val"] | in_part["test"])


@given(sizes=class_sizes, shuffle=st.randoms(use_true_random=False))
def test_the_order_of_the_files_does_not_matter(sizes: list[int], shuffle: random.Random) -> None:
    labels, digests = made_up(*sizes)
    once = contents(split_samples(labels, digests, seed=3))
    pairs = list(zip(labels, digests, strict=True))
    shuffle.shuffle(pairs)
    labels, digests = (list(column) for column in zip(*pairs, strict=True))
    assert contents(split_samples(labels, digests, seed=3)) == once


def test_the_seed_decides() -> None:
    labels, digests = made_up(200, 200)
    first = split_samples(labels, digests, seed=0)
    assert split_samples(labels, digests, seed=0) == first
    assert set(split_samples(labels, digests, seed=1).test) != set(first.test)
    # a fifth of a random fifth: chance, not a pattern
    assert 4 <= len(set(split_samples(labels, digests, seed=1).test) & set(first.test)) <= 36


def test_a_known_split_stays_the_same() -> None:
    """Saved splits and published numbers rely on it: a change of this is a change of results."""
    split = split_samples(*made_up(10, 5), val=0.2, test=0.2, seed=7)
    assert (split.val, split.test) == ((1, 9, 13), (0, 8, 12))


def test_few_new_pictures_move_few_old_ones() -> None:
    labels, digests = made_up(100)
    before = contents(split_samples(labels, digests))
    labels, digests = made_up(103)
    after = contents(split_samples(labels, digests))
    moved = sum(len(before[part] - after[part]) for part in PARTS)
    assert moved <= 6


def test_given_parts_are_kept() -> None:
    labels, digests = made_up(4, 4)
    parts = ["train", "train", "val", "test"] * 2
    split = split_samples(labels, digests, parts, val=0.5, test=0.4)
    assert (split.train, split.val, split.test) == ((0, 1, 4, 5), (2, 6), (3, 7))
    assert split.notes == ()


def test_val_is_cut_from_train_when_only_test_is_given() -> None:
    labels, digests = made_up(20, 20)
    parts = (["train"] * 10 + ["test"] * 10) * 2
    split = split_samples(labels, digests, parts, val=0.2)
    assert split.test == tuple(i for i in range(40) if parts[i] == "test")
    assert counts(split, labels, 0) == counts(split, labels, 1) == [8, 2, 10]


def test_test_stays_empty_when_only_val_is_given() -> None:
    labels, digests = made_up(4, 4)
    split = split_samples(labels, digests, ["train", "val"] * 4)
    assert (len(split.train), len(split.val), split.test) == (4, 4, ())
    assert "test stays empty" in split.notes[0]


def test_train_alone_is_divided_like_no_parts() -> None:
    labels, digests = made_up(20, 20)
    divided = split_samples(labels, digests)
    assert split_samples(labels, digests, ["train"] * 40) == divided


def overlapping() -> tuple[list[int], list[str], list[str | None]]:
    labels, digests = made_up(6, 6)
    parts: list[str | None] = ["train", "train", "train", "val", "test", "test"] * 2
    digests[3] = digests[0]  # train and val
    digests[4] = digests[9]  # test and val
    return labels, digests, parts


def test_content_in_two_given_parts_is_refused_or_kept_out_of_training() -> None:
    labels, digests, parts = overlapping()
    paths = [f"{part}/{number}.jpg" for number, part in enumerate(parts)]
    with pytest.raises(MartletError) as caught:
        split_samples(labels, digests, parts, paths=paths)
    assert "2 pictures are also in another part" in str(caught.value)
    assert "'train/0.jpg' (train) and 'val/3.jpg' (val)" in str(caught.value)
    split = split_samples(labels, digests, parts, allow_overlap=True)
    assert split.dropped == (0, 9)
    assert (split.train, split.val, split.test) == ((1, 2, 6, 7, 8), (3,), (4, 5, 10, 11))
    assert split.notes == ("Copies of held-out pictures that are left out: 2.",)


def test_copies_within_one_part_are_no_overlap() -> None:
    labels, digests = made_up(4, 4)
    digests[1] = digests[0]
    split = split_samples(labels, digests, ["train", "train", "val", "test"] * 2)
    assert split.dropped == ()


def test_pictures_in_several_classes_are_for_training_only() -> None:
    labels, digests = made_up(10, 10)
    labels += [1] * 5
    digests += digests[:5]
    split = split_samples(labels, digests)
    assert {0, 1, 2, 3, 4, 20, 21, 22, 23, 24} <= set(split.train)
    assert "several classes, used in training only: 5" in split.notes[0]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"val": -0.1}, "val=-0.1 is not a fraction"),
        ({"test": 1}, "test=1 is not a fraction"),
        ({"test": float("nan")}, "test=nan is not a fraction"),
        ({"val": 0.5, "test": 0.5}, "val=0.5 and test=0.5 leave nothing to train on"),
        ({"parts": ["train", None] * 4}, "parts is given for some pictures"),
        ({"parts": ["train"] * 3}, "different lengths"),
        ({"parts": ["train", "exam"] * 4}, "part 'exam' is not known; accepted: train, val, test"),
        ({"parts": ["train"] * 4 + ["val"] * 4}, "class 1 has no readable picture left to train"),
        ({"classes": ["a", "b", "c"]}, "class 'c' has no readable picture left"),
    ],
)
def test_bad_arguments(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        split_samples(*made_up(4, 4), **options)


def test_a_split_refuses_overlap() -> None:
    digests = ("a", "b", "c", "a")
    with pytest.raises(MartletError, match="sample 1 is in two parts, train and val"):
        Split(train=(0, 1), val=(1,), test=(2,), digests=digests)
    with pytest.raises(MartletError, match="sample 3 is in two parts, train and test"):
        Split(train=(0, 1), val=(2,), test=(3,), digests=digests)
    assert Split(train=(0, 3), val=(1,), test=(2,), digests=digests).dropped == ()


def subjects(count: int, of: Sequence[int] = (0, 1)) -> tuple[list[int], list[str], list[str]]:
    """Six samples of each subject, who does all that is named in `of`: labels, digests, groups."""
    numbers = range(6 * count)
    labels = [of[n % len(of)] for n in numbers]
    return labels, [f"{n:032}" for n in numbers], [f"subject {n // 6}" for n in numbers]


def parts_of(split: Split, groups: Sequence[str]) -> dict[str, set[str]]:
    return {part: {groups[i] for i in getattr(split, part)} for part in PARTS}


def test_a_group_of_several_classes_is_in_one_part() -> None:
    labels, digests, groups = subjects(20)
    split = split_samples(labels, digests, groups=groups)
    found = parts_of(split, groups)
    assert [len(found[part]) for part in PARTS] == [14, 2, 4]
    assert sum(map(len, found.values())) == 20
    again = split_samples(labels[::-1], digests[::-1], groups=groups[::-1])
    assert parts_of(again, groups[::-1]) == found
    with pytest.raises(MartletError, match="sample 5 is in two parts, train and val"):
        Split((0,), (5,), (), tuple(digests[:6]), groups=tuple(groups[:6]))


def test_groups_of_one_class_are_held_out_by_class() -> None:
    one, other = subjects(10, of=(0,)), subjects(10, of=(1,))
    groups = [*one[2], *(f"other {group}" for group in other[2])]
    split = split_samples(
        one[0] + other[0], [*one[1], *(f"1{d}" for d in other[1])], groups=groups, seed=1
    )
    for half in ("subject", "other"):
        names = [
            {g for g in found if g.startswith(half)} for found in parts_of(split, groups).values()
        ]
        assert [len(found) for found in names] == [7, 1, 2]


def test_a_lone_group_of_one_class_stays_in_train_among_others() -> None:
    labels, digests, groups = subjects(6)
    lone = [i for i, group in enumerate(groups) if group == groups[0] and labels[i]]
    kept = [i for i in range(len(labels)) if i not in lone]  # one subject did one thing alone
    picked = [[of[i] for i in kept] for of in (labels, digests, groups)]
    for seed in range(5):
        split = split_samples(picked[0], picked[1], groups=picked[2], seed=seed)
        assert groups[0] in parts_of(split, picked[2])["train"]
        assert [len(parts_of(split, picked[2])[part]) for part in ("val", "test")] == [1, 1]


def test_groups_that_share_a_content_stay_together() -> None:
    labels, digests, groups = subjects(8)
    for first, second in ((0, 6), (11, 12)):  # a chain of three subjects
        digests[second] = digests[first]
    for seed in range(20):
        found = parts_of(split_samples(labels, digests, groups=groups, seed=seed), groups)
        chain = [part for part in PARTS if {"subject 0", "subject 1", "subject 2"} & found[part]]
        assert len(chain) == 1
