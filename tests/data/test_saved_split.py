import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

import pytest

from martlet.data.saved_split import held_out, to_save
from martlet.data.split import PARTS, Split, split_samples
from martlet.errors import MartletError


def made_up(*per_class: int) -> tuple[list[int], list[str]]:
    """Labels and digests of so many different pictures of each class."""
    labels = [label for label, count in enumerate(per_class) for _ in range(count)]
    return labels, [f"{number:032x}" for number in range(len(labels))]


def saved_of(split: Split, labels: list[int]) -> dict[str, Any]:
    """As split.json holds it."""
    names = [f"{number}.png" for number in range(len(labels))]
    samples: Any = SimpleNamespace(names=names, labels=labels, classes=("a", "b"))
    saved: dict[str, Any] = json.loads(json.dumps(to_save(split, samples)))
    return saved


def test_held_out_knows_content_by_its_digest() -> None:
    labels, digests = made_up(20, 20)
    split = split_samples(labels, digests)
    saved, first = saved_of(split, labels), split.test[0]
    assert saved["test"][0] == [f"{first}.png", digests[first], "ab"[labels[first]]]
    some = [split.val[0], split.train[0], first]
    parts = held_out([*(digests[i] for i in some), "f" * 32], saved)
    assert parts == ["val", "train", "test", None]
    assert Counter(held_out(digests, saved)) == Counter(
        {part: len(getattr(split, part)) for part in PARTS}
    )


@pytest.mark.parametrize(
    "saved",
    [{}, [], None, {"format": 1}, {"format": 1, "train": [["a"]], "val": [], "test": []}, "text"],
)
def test_what_is_no_saved_split(saved: Any) -> None:
    with pytest.raises(MartletError, match="the saved split is damaged"):
        held_out([], saved)


def test_a_saved_split_of_another_version() -> None:
    with pytest.raises(MartletError, match="has format 2; accepted: 1"):
        held_out([], {"format": 2})


def test_a_new_recording_of_a_known_subject_is_not_new() -> None:
    labels, digests = made_up(20, 20)
    groups = [f"subject {number // 4}" for number in range(40)]
    split = split_samples(labels, digests, groups=groups)
    saved = saved_of(split, labels)
    assert saved["columns"][3] == "group"
    known = groups[split.train[0]]
    assert held_out(["new", "newer"], saved, [known, "somebody"]) == ["train", None]
