"""Rows of tables as data."""

import pytest

from martlet.models.spec import ImageInput, as_number


@pytest.mark.parametrize(
    ("printed", "number"),
    [("146M", 146e6), ("2.3M", 2.3e6), ("1.2B", 1.2e9), ("3.8G", 3.8e9), ("5,122,176", 5122176)],
)
def test_as_number(printed: str, number: float) -> None:
    assert as_number(printed) == pytest.approx(number)


def test_shape_is_channels_first() -> None:
    assert ImageInput(1, 48, 64).shape == (1, 48, 64)
