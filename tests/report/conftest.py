"""What the tests of pictures share."""

from collections.abc import Callable

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from martlet.report.style import house_style


@pytest.fixture
def drawn_texts(monkeypatch: pytest.MonkeyPatch) -> Callable[[Figure], list[tuple[str, Bbox]]]:
    """Every text that is really drawn, with its place in the figure's pixels."""
    found: list[tuple[str, Bbox]] = []
    draw = Text.draw

    def noted(self, renderer, *args, **kwargs):
        if self.get_visible() and self.get_text().strip():
            found.append((self.get_text(), self.get_window_extent(renderer)))
        return draw(self, renderer, *args, **kwargs)

    def all_of(figure: Figure) -> list[tuple[str, Bbox]]:
        found.clear()
        with monkeypatch.context() as patch, house_style():
            patch.setattr(Text, "draw", noted)
            FigureCanvasAgg(figure).draw()
        return list(found)

    return all_of


@pytest.fixture
def cut_off(drawn_texts) -> Callable[[Figure], list[str]]:
    """The texts of a figure that reach beyond its edges."""

    def found(figure: Figure) -> list[str]:
        texts = drawn_texts(figure)
        assert texts
        edge = figure.bbox.padded(0.5)
        return [
            text
            for text, box in texts
            if box.x0 < edge.x0 or box.x1 > edge.x1 or box.y0 < edge.y0 or box.y1 > edge.y1
        ]

    return found
