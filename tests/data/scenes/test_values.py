from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from martlet.data.scenes.values import Key, OnDemand, check_bytes, damaged
from martlet.errors import MartletError

ARRAY = np.arange(2 * 3 * 4).reshape(2, 3, 4)


def on_demand() -> tuple[OnDemand, list[Key]]:
    """`ARRAY`, and the parts that were asked for."""
    asked: list[Key] = []

    def read(key: Key) -> "np.ndarray[tuple[int, ...], np.dtype[np.int64]]":
        asked.append(key)
        return ARRAY[key]

    return OnDemand(ARRAY.shape, ARRAY.dtype, read, (0, 1, 2)), asked


@pytest.mark.parametrize("axes", [(0, 1, 2), (2, 0, 1), (1, 2, 0), (2, 1, 0)])
def test_only_the_part_is_read_in_any_order_of_axes(axes: tuple[int, int, int]) -> None:
    values, asked = on_demand()
    turned = values.transpose(axes)
    assert turned.shape == ARRAY.transpose(axes).shape
    for key in ((slice(1, 2),), (slice(0, 1), slice(-2, None), slice(1, 3)), (slice(5, 9),)):
        assert_array_equal(turned[key], ARRAY.transpose(axes)[key])
    assert len(asked) == 2, "an empty part is not read"
    assert asked[0][axes[0]] == slice(1, 2)
    again = turned.transpose((1, 2, 0))
    assert_array_equal(again[:, :, :], ARRAY.transpose(axes).transpose(1, 2, 0))


def test_a_file_that_is_too_short_or_longer(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(bytes(1234))
    check_bytes(tmp_path / "a", 1234)
    check_bytes(tmp_path / "a", 1000)
    with pytest.raises(MartletError, match=r"'.*a' is cut short: 1,234 of 1,235 bytes are there"):
        check_bytes(tmp_path / "a", 1235)


def test_other_libraries_words_are_one_sentence() -> None:
    error = damaged(Path("a"), ValueError("two\nlines."))
    assert str(error) == "file 'a' cannot be read (two lines); it may be damaged."
    assert "(KeyError)" in str(damaged(Path("a"), KeyError()))
