import io

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from martlet.console.printable import printable_lines
from martlet.report import style


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("under_score $5$ ünïcödé Ωмега <b>", "under_score $5$ ünïcödé Ωмега <b>"),
        *((text, "two lines") for text in ("two\nlines", " two \t lines ", "two\r\nlines")),
        ("e\u0301", "é"),
    ],
)
def test_a_name_that_can_be_drawn_is_one_line(name, drawn):
    assert style.printable(name) == drawn


def test_a_character_without_a_glyph_becomes_a_square_or_the_replacement(monkeypatch):
    monkeypatch.setattr(style, "_drawable", lambda: frozenset(map(ord, "abc □")))
    assert style.printable("a貓c") == "a□c"
    assert style.printable("a貓c", "#7") == "#7"
    assert style.printable("abc", "#7") == "abc"


def test_every_family_is_installed_so_that_nothing_is_warned_of():
    from matplotlib.font_manager import fontManager

    installed = {entry.name for entry in fontManager.ttflist}
    assert set(style.fonts()) <= installed


@pytest.mark.parametrize("longest", [1, 2, 3, 5, 8, 25])
def test_shorten_keeps_both_ends(longest):
    text = "abcdefghijklmnopqrstuvwxyz"
    short = style.shorten(text, longest)
    assert len(short) == longest
    assert "…" in short
    before, after = short.split("…")
    assert text.startswith(before)
    assert text.endswith(after)
    assert style.shorten(short, longest) == short


def test_width_grows_with_text_and_size():
    assert style.width(["mm"], 10) == pytest.approx(2 * style.width(["m"], 10), rel=0.02)
    assert style.width(["m"], 20) == pytest.approx(2 * style.width(["m"], 10), rel=0.02)
    assert style.width(["i", "mmm"], 10) == style.width(["mmm"], 10)
    assert style.width([], 10) == 0


def test_fitted_is_the_longest_that_fits():
    text = "a class name that is far too long"
    cut = style.fitted(text, 10, 1.0)
    assert style.width([cut], 10) <= 1.0 < style.width([style.shorten(text, len(cut) + 1)], 10)
    assert style.fitted("short", 10, 1.0) == "short"


def test_dollars_and_underscores_are_measured_as_text():
    assert style.width(["$a_b$"], 10) > style.width(["ab"], 10)


def contrast(colour: str) -> float:
    """WCAG 2's contrast of a colour with white."""
    channels = np.array([int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)])
    linear = np.where(channels <= 0.04045, channels / 12.92, ((channels + 0.055) / 1.055) ** 2.4)
    return 1.05 / (float(linear @ (0.2126, 0.7152, 0.0722)) + 0.05)


@pytest.mark.parametrize("name", ["INK", "MUTED", "BLUE", "DARK_ORANGE", "DARK_GREEN", "DARK_RED"])
def test_colours_of_text_can_be_read(name):
    assert contrast(getattr(style, name)) >= 4.5


def test_the_users_settings_neither_matter_nor_change():
    def drawn() -> bytes:
        with style.house_style():
            figure = Figure(figsize=(2, 1), dpi=80)
            figure.subplots().set_title("$a_b$ title")
        return style.png(figure, "")

    plain = drawn()
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red", "savefig.dpi": 17}):
        before = dict(matplotlib.rcParams)
        assert drawn() == plain
        assert dict(matplotlib.rcParams) == before


def figure_of(image: np.ndarray) -> Figure:
    figure = Figure(figsize=(image.shape[1] / 100, image.shape[0] / 100), dpi=100)
    figure.figimage(image, origin="upper")
    return figure


def test_png_holds_the_pixels_the_words_and_the_dots_per_inch():
    image = np.random.default_rng(0).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    found = Image.open(io.BytesIO(style.png(figure_of(image), "words: ü 貓 \udce9")))
    assert found.format == "PNG"
    assert found.mode == "RGB"
    assert np.array_equal(np.asarray(found), image)
    assert found.text["Description"] == "words: ü 貓 \ufffd"
    assert found.info["dpi"] == pytest.approx((100, 100), abs=0.1)


def test_a_large_png_gets_a_palette_that_keeps_the_houses_colours():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (400, 400, 3), dtype=np.uint8)
    for row, colour in enumerate((style.WHITE, style.EMPTY, style.GREEN, style.RED)):
        image[100 * row : 100 * row + 20] = tuple(bytes.fromhex(colour[1:]))
    content = style.png(figure_of(image), "")
    found = Image.open(io.BytesIO(content))
    assert found.mode == "P"
    assert len(content) < 250_000
    pixels = np.asarray(found.convert("RGB")).astype(int)
    for row in range(4):
        assert np.array_equal(pixels[100 * row : 100 * row + 20], image[100 * row : 100 * row + 20])
    # Dithered: wrong pixel by pixel, right on the whole.
    assert abs(pixels[30:90].mean() - image[30:90].mean()) < 4


@pytest.mark.parametrize("harmful", ["\0", "\x1b", "\x9b", "\u200e", "\u2028", "\u2029", "\udce9"])
def test_a_page_is_sent_what_a_terminal_is_sent(harmful):
    assert style.encodable(f"a{harmful}b") == "a\ufffdb"
    assert printable_lines(f"a{harmful}b").isascii()
