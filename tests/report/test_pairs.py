from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from martlet.errors import MartletError
from martlet.report.pairs import MOST, Tile, draw_pairs, pairs_figure


def pair(height: int = 20, width: int = 30, channels: int = 3) -> tuple[Tile, Tile]:
    pixels = np.full((height, width, channels), 90, np.uint8)
    name = "a very long name of a file that has no room on the sheet.jpg"
    return Tile(pixels, "test", "$a_1$ class", name), Tile(pixels, "train", "b\n", "b.jpg")


def test_the_sheet_says_how_many_there_are(tmp_path: Path) -> None:
    told = draw_pairs([pair()] * MOST, 1234, tmp_path / "pairs.png")
    assert "24 of 1,234, the closest first" in told
    with Image.open(tmp_path / "pairs.png") as sheet:
        assert sheet.info["Description"] == told
    assert "part, 2, the closest" in draw_pairs([pair()] * 2, 2, tmp_path / "pairs.png")


@pytest.mark.parametrize("count", [1, 2, 3, 7])
def test_texts_stay_on_the_sheet(count: int, cut_off: Callable[[Figure], list[str]]) -> None:
    shapes = [(20, 30, 3), (300, 200, 1), (1, 90, 3)]
    assert cut_off(pairs_figure([pair(*shapes[n % 3]) for n in range(count)])) == []


def test_no_pair_is_no_sheet() -> None:
    with pytest.raises(MartletError, match="there are none"):
        pairs_figure([])
