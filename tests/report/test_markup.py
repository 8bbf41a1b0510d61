import numpy as np
import pytest
from PIL import Image

from martlet.report import markup


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
    assert markup.plain(value) == text


def test_an_empty_section_is_left_out():
    assert markup.section("a", "A", "", "") == ""
    assert markup.pairs({}) == ""
    assert markup.bullets([]) == ""


def test_a_table_refuses_rows_of_another_length():
    with pytest.raises(ValueError, match="zip"):
        markup.table(("a", "b"), [("1",)], "label")


def test_a_picture_is_shown_in_its_own_size(tmp_path):
    Image.fromarray(np.zeros((90, 180), np.uint8)).save(tmp_path / "a.png", dpi=(192, 192))
    found = markup.picture(tmp_path / "a.png", "x", "A picture")
    assert 'width="90" height="45"' in found
    assert 'alt="A picture. "' not in found
    assert "<figcaption>" not in found
