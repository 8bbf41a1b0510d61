"""Bytes a second, by how much memory a copy goes through."""

from martlet.measuring.bandwidth import SIZES, bandwidth


def test_each_size_has_a_figure() -> None:
    found = bandwidth({"small": 4096, "larger": 65536}, turns=2)
    assert list(found) == ["small", "larger"]
    assert all(0 < value < 1e5 for value in found.values())


def test_the_last_size_is_beyond_caches_and_the_first_is_not() -> None:
    first, *_, last = SIZES.values()
    assert first <= 2**18
    assert last >= 2**26
