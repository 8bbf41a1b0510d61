import pytest

from martlet.errors import MartletError
from martlet.report.class_colours import class_colours


@pytest.mark.parametrize("count", [0, 3, 16, 24, 60])
def test_each_class_has_a_colour_of_its_own(count: int) -> None:
    colours = class_colours(count)
    assert len(colours) == len(set(colours)) == count
    assert all(len(bytes.fromhex(colour[1:])) == 3 for colour in colours)


def test_colours_of_the_data_stand_and_no_other_class_gets_them() -> None:
    first, second, third = class_colours(3, {1: (0, 114, 178)})
    assert second == "#0072B2" == class_colours(1)[0]
    assert len({first, second, third}) == 3


def test_a_colour_of_a_class_that_is_not_there() -> None:
    with pytest.raises(MartletError, match="class 3; there are 3 classes"):
        class_colours(3, {3: (0, 0, 0)})
