from pathlib import Path
from typing import Any

import numpy as np
import pytest

from martlet.data.pictures.near_duplicates import Alike, across_parts, group_names, near_pairs
from martlet.data.pictures.perceptual_hash import NONE


def found(codes: list[int], distance: int) -> list[tuple[int, int]]:
    pairs = [zip(i.tolist(), j.tolist(), strict=True) for i, j in near_pairs(codes, distance)]
    return [pair for some in pairs for pair in some]


def near_some(count: int) -> list[int]:
    """Random codes, half of them within some bits of another one; two that are `NONE`."""
    random = np.random.default_rng(0)
    codes = random.integers(1, 2**63, count).tolist()
    for number in range(count // 2):
        flipped = random.choice(64, random.integers(0, 12), replace=False).tolist()
        codes[number] = codes[-1 - number // 3] ^ sum(1 << bit for bit in flipped)
    return [*codes, NONE, NONE]


@pytest.mark.parametrize("distance", [0, 3, 8])
def test_all_pairs_within_the_distance_are_found_once(distance: int) -> None:
    codes = near_some(300)
    codes[7] = codes[9]
    expected = {
        (i, j)
        for i in range(300)
        for j in range(i + 1, 300)
        if (codes[i] ^ codes[j]).bit_count() <= distance
    }
    pairs = found(codes, distance)
    assert expected
    assert len(pairs) == len(set(pairs))
    assert {(min(pair), max(pair)) for pair in pairs} == expected


def test_large_buckets_are_compared_some_rows_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.data.pictures.near_duplicates._AT_ONCE", 50)
    assert sorted(found([7] * 20, 2)) == [(i, j) for i in range(20) for j in range(i + 1, 20)]


def test_none_and_one() -> None:
    assert found([], 8) == found([5], 8) == found([NONE, NONE], 8) == []


class Blots(dict[int, Any]):
    digests = tuple("fedcba")
    root = Path("data")


@pytest.fixture
def samples() -> Any:
    """0, 1, 2 are alike, and 3, 4; 5 has the hash of 0 and is another picture."""
    random = np.random.default_rng(0)
    one, two, three = random.integers(0, 200, (3, 32, 32, 3))
    pictures = [one, one + 20, one * 0.9, two, two + 5, three]
    return Blots(enumerate(np.asarray(picture, np.uint8) for picture in pictures))


HASHES = [0b1, 0b11, 0b111, 1 << 40, 1 << 40, 0b1]


@pytest.mark.parametrize("looked_at", [1, 4096])
def test_groups_are_chains_called_by_their_least_content(
    samples: Any, monkeypatch: pytest.MonkeyPatch, looked_at: int
) -> None:
    monkeypatch.setattr("martlet.data.pictures.near_duplicates._LOOKED_AT", looked_at)
    assert group_names(samples, HASHES) == ["d", "d", "d", "b", "b", "a"]
    given = ["x", "y", "z", "x", "w", "v"]  # 0 and 3 belong together for another reason
    assert group_names(samples, HASHES, given) == ["b"] * 5 + ["a"]


def test_across_parts_the_closest_first_each_picture_once(samples: Any) -> None:
    parts = ((0, 2, 4), (1, 5), (3,))
    assert across_parts(samples, HASHES, parts, ("train", "val", "test")) == [
        Alike(3, "test", 4, "train"),
        Alike(1, "val", 0, "train"),
    ]
    within = ((0, 1, 2, 5), (3, 4), ())
    assert across_parts(samples, HASHES, within, ("train", "val", "test")) == []


def test_what_is_in_no_part_is_not_told(samples: Any) -> None:
    assert across_parts(samples, HASHES, ((0,), (), (3,)), ("train", "val", "test")) == []
