import numpy as np
import pytest
from PIL import Image

from martlet.report import values


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "–"),
        (True, "yes"),
        (False, "no"),
        (4e-05, "4e-05"),
        (0.1, "0.1"),
        (30, "30"),
        ("word", "word"),
        (("a", 0.5, None), "a, 0.5, –"),
        ([], "–"),
        ({"mean": (0.5, 0.5), "on": True}, "mean 0.5, 0.5, on yes"),
        ({}, "–"),
    ],
)
def test_a_value_is_written_as_one_would_write_it_down(value, text):
    assert values.plain(value) == text


def test_a_picture_is_shown_in_its_own_size(tmp_path):
    Image.fromarray(np.zeros((90, 180), np.uint8)).save(tmp_path / "a.png", dpi=(192, 192))
    found = values.picture(tmp_path / "a.png")
    assert (found.width, found.height, found.caption) == (90, 45, "")
