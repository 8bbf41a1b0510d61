"""Each group is held out once."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from martlet.data.folds import folds_of, folds_of_pictures, keys_of, parts_of_fold
from martlet.errors import MartletError

GROUPS = [f"s{n}" for n in range(6) for _ in range(4)]
LABELS = [n % 2 for n in range(24)]


def test_one_group_a_fold_or_several() -> None:
    alone = folds_of(LABELS, GROUPS, "subject", 0, "subject")
    assert alone == [(f"s{n}",) for n in range(6)] == folds_of(LABELS, GROUPS, "6", 0, "recording")
    for seed in range(3):
        few = folds_of(LABELS, GROUPS, "4", seed, "recording")
        assert len(few) == 4
        assert sorted(name for fold in few for name in fold) == sorted(set(GROUPS))
        assert few == folds_of(LABELS, GROUPS, "4", seed, "recording")


@pytest.mark.parametrize(
    ("asked", "who", "sentence"),
    [
        ("subject", "recording", "nothing says who was recorded"),
        ("7", "subject", r"cross_validate='7' needs 7 subjects or more; there are 6\."),
        ("1", "subject", r"cross_validate='1' is not accepted; give subject, or a number"),
        ("leave", "subject", "is not accepted"),
    ],
)
def test_what_cannot_be_dealt_is_one_sentence(asked: str, who: str, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        folds_of(LABELS, GROUPS, asked, 0, who)


@dataclass
class Pictures:
    """Of three classes; some contents lie there twice, one in two classes."""

    labels: list[int] = field(default_factory=lambda: [0] * 11 + [1] * 8 + [2] * 6)
    groups: list[str] | None = None
    classes: tuple[str, ...] = ("a", "b", "c")
    parts: list[str | None] = field(default_factory=lambda: [None] * 25)
    root: Path = Path("photos")

    @property
    def digests(self) -> list[str]:
        names = [f"{number:02}" for number in range(25)]
        names[1] = names[0]
        names[24] = names[12]
        return names


@pytest.mark.parametrize("seed", [0, 1])
def test_contents_are_dealt_class_by_class(seed: int) -> None:
    samples: Any = Pictures()
    folds = folds_of_pictures(samples, "3", seed)
    held = [key for fold in folds for key in fold]
    assert sorted(held) == sorted({*samples.digests} - {"12"})  # it has two classes
    label_of = dict(zip(samples.digests, samples.labels, strict=True))
    for label, total in ((0, 10), (1, 7), (2, 5)):
        counts = [sum(label_of[key] == label for key in fold) for fold in folds]
        assert sum(counts) == total
        assert max(counts) - min(counts) <= 1
    sizes = [len(fold) for fold in folds]
    assert max(sizes) - min(sizes) <= 1
    assert folds == folds_of_pictures(samples, "3", seed)
    assert folds != folds_of_pictures(samples, "3", seed + 5)


def test_a_fold_is_the_test_part() -> None:
    samples: Any = Pictures()
    parts = [
        parts_of_fold(samples, SimpleNamespace(cross_validate="3", fold=fold, seed=0))
        for fold in (1, 2, 3)
    ]
    times = Counter(
        key
        for fold in parts
        for key, part in zip(samples.digests, fold, strict=True)
        if part == "test"
    )
    once = {key: 1 for key in samples.digests if key != "12"}
    assert times == {**once, "00": 2}


def test_groups_stay_together_with_those_that_share_a_content() -> None:
    samples: Any = Pictures(groups=[f"g{number // 2 % 4}" for number in range(25)])
    samples.groups[24] = "lone"  # its content lies in another group too
    folds = folds_of_pictures(samples, "2", 0)
    keys = keys_of(samples)
    assert sorted(key for fold in folds for key in fold) == sorted(set(keys))
    assert keys[24] == keys[12]


@pytest.mark.parametrize(
    ("changed", "asked", "sentence"),
    [
        ({}, "6", r"class 'c' has no pictures in a fold: .*='6' deals 6 different pictures of it"),
        ({}, "subject", "give a number of folds from 2, as 5"),
        ({"parts": ["train"] * 25}, "3", "cross_validate divides 'photos' itself"),
        (
            {"groups": ["g"] * 11 + [f"g{n}" for n in range(14)]},
            "3",
            "class 'a' has no pictures in",
        ),
    ],
)
def test_pictures_that_cannot_be_dealt(changed: dict[str, Any], asked: str, sentence: str) -> None:
    samples: Any = Pictures(**changed)
    with pytest.raises(MartletError, match=sentence):
        folds_of_pictures(samples, asked, 0)
