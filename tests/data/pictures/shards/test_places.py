"""How shards are named: folders, patterns, addresses."""

from pathlib import Path

import pytest

from martlet.data.pictures.shards.places import (
    address,
    expand,
    is_shards,
    local_shards,
    plain_name,
)
from martlet.errors import MartletError


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("x.tar", ["x.tar"]),
        ("x-{08..11}.tar", ["x-08.tar", "x-09.tar", "x-10.tar", "x-11.tar"]),
        ("{a,b}-{0..1}.tar", ["a-0.tar", "a-1.tar", "b-0.tar", "b-1.tar"]),
    ],
)
def test_patterns_stand_for_names(pattern: str, names: list[str]) -> None:
    assert expand(pattern) == names


@pytest.mark.parametrize("pattern", ["x-{3..1}.tar", "x-{0..9999999}.tar"])
def test_a_range_that_is_none_is_a_sentence(pattern: str) -> None:
    with pytest.raises(MartletError, match=r"has a range from .* count upwards"):
        expand(pattern)


def test_addresses_have_both_slashes_again() -> None:
    assert address(Path("https://host/a/{0..1}.tar")) == "https://host/a/{0..1}.tar"
    assert address(Path("a/http.tar")) is None


def test_what_counts_as_shards(tmp_path: Path) -> None:
    assert is_shards(Path("http://host/x-{0..1}.tar"))
    assert not is_shards(tmp_path)
    (tmp_path / "x.tar").touch()
    assert is_shards(tmp_path)
    (tmp_path / "class").mkdir()
    assert not is_shards(tmp_path)  # a folder of classes, and a stray file
    (tmp_path / "shards.json").touch()
    assert is_shards(tmp_path)


def test_missing_ones_are_counted(tmp_path: Path) -> None:
    for name in ("x-0.tar", "x-1.tar"):
        (tmp_path / name).touch()
    assert [path.name for path in local_shards(tmp_path)] == ["x-0.tar", "x-1.tar"]
    with pytest.raises(MartletError, match=r"x-2.tar' is missing \(so are 2 more of 4\); fetch"):
        local_shards(tmp_path / "x-{1..4}.tar")
    with pytest.raises(MartletError, match="names no shard"):
        local_shards(tmp_path / "y*.tar")


def test_a_run_is_named_without_the_pattern() -> None:
    names = ("photos", "x.csv", "x-{000..009}.tar", "x.tar", "*.tar", "x_{a,b}.tar")
    assert list(map(plain_name, names)) == ["photos", "x.csv", "x", "x", "shards", "x"]
