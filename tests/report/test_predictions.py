import numpy as np
import pytest
from PIL import Image

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.predictions import (
    FRAME,
    TILE,
    Shown,
    corner,
    describe_predictions,
    draw_predictions,
    fitted,
    predictions_figure,
    sheet_pixels,
)


def shown(right: bool = True, pixels: np.ndarray | None = None, **kwargs) -> Shown:
    pixels = np.full((8, 8, 3), 90, np.uint8) if pixels is None else pixels
    named = {"truth": "cat", "predicted": "cat" if right else "dog", "probability": 0.876}
    return Shown(pixels, **{**named, "name": "a.jpg", **kwargs})


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


def read(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB"))


def inside(sheet: np.ndarray, place: int, number: int, columns: int = 6) -> np.ndarray:
    left, top = corner(place, number, columns)
    return sheet[top + FRAME : top + FRAME + TILE, left + FRAME : left + FRAME + TILE]


@pytest.mark.parametrize(("number", "columns"), [(1, 6), (7, 6), (13, 6), (5, 1), (4, 9)])
def test_the_sheet_is_as_large_as_its_pictures_need(number, columns, tmp_path):
    draw_predictions([shown()] * number, tmp_path / "p.png", columns)
    height, width = read(tmp_path / "p.png").shape[:2]
    across = min(number, columns)
    down = -(-number // across)
    step = corner(1, 2, 2)[0] - corner(0, 2, 2)[0]
    assert width == across * step + corner(0, 1, 1)[0]
    assert height == sheet_pixels([shown()] * number, columns).shape[0]
    assert height // down in range(TILE + 60, TILE + 110)


def test_right_frames_are_green_and_wrong_ones_red_in_the_order_given(tmp_path):
    answers = [False, False, True, True, False, True, True]
    draw_predictions([shown(right) for right in answers], tmp_path / "p.png", columns=4)
    sheet = read(tmp_path / "p.png")
    for place, right in enumerate(answers):
        left, top = corner(place, len(answers), 4)
        outer = sheet[top : top + TILE + 2 * FRAME, left : left + TILE + 2 * FRAME]
        ring = np.ones(outer.shape[:2], bool)
        ring[FRAME:-FRAME, FRAME:-FRAME] = False
        assert (outer[ring] == rgb(style.GREEN if right else style.RED)).all()
        assert tuple(sheet[top - 1, left]) == (255, 255, 255)
        assert (inside(sheet, place, len(answers), 4) == 90).all()


def test_small_pictures_are_enlarged_without_blur(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (8, 8), dtype=np.uint8)
    draw_predictions([shown(pixels=pixels)], tmp_path / "p.png")
    tile = inside(read(tmp_path / "p.png"), 0, 1)
    expected = np.kron(pixels, np.ones((TILE // 8, TILE // 8), np.uint8))
    assert np.array_equal(tile, np.repeat(expected[..., None], 3, axis=2))


def test_a_whole_factor_is_kept_where_it_does_not_fill_the_tile():
    assert fitted(np.zeros((28, 28, 3), np.uint8), TILE).shape == (112, 112, 3)
    assert fitted(np.zeros((28, 20, 1), np.uint8), TILE).shape == (112, 80, 3)


@pytest.mark.parametrize(
    ("height", "width"), [(3, 3000), (3000, 3), (1, 1), (224, 224), (100, 100), (480, 640), (65, 9)]
)
def test_every_shape_fits_and_keeps_its_proportions(height, width):
    found = fitted(np.full((height, width, 3), 7, np.uint8), TILE)
    assert found.dtype == np.uint8
    assert max(found.shape[:2]) <= TILE
    assert max(found.shape[:2]) > 0.75 * TILE
    scale = max(found.shape[:2]) / max(height, width)
    expected = (max(1, height * scale), max(1, width * scale), 3)
    assert found.shape == pytest.approx(expected, abs=0.51)
    assert (found == 7).all()


def test_a_wide_picture_lies_in_the_middle_on_a_pale_ground(tmp_path):
    draw_predictions([shown(pixels=np.zeros((32, 64, 3), np.uint8))], tmp_path / "p.png")
    tile = inside(read(tmp_path / "p.png"), 0, 1)
    assert (tile[32:96] == 0).all()
    assert (tile[:32] == rgb(style.EMPTY)).all()
    assert (tile[96:] == rgb(style.EMPTY)).all()


def test_gray_in_either_form_is_shown_alike_and_colour_stays_rgb():
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8)
    assert np.array_equal(fitted(gray, 64), fitted(gray[..., None], 64))
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    assert (fitted(red, 64) == (255, 0, 0)).all()


def test_the_words_say_what_was_said_and_what_it_is(drawn_texts):
    pictures = [shown(False, name="worst.jpg"), shown(True, probability=0.5)]
    lines = [text for text, _ in drawn_texts(predictions_figure(pictures))]
    assert lines == ["✗ dog  88 %", "is cat", "worst.jpg", "✓ cat  50 %", "is cat", "a.jpg"]


def test_words_stay_below_their_own_picture(drawn_texts, cut_off):
    long = {"truth": "w" * 80, "predicted": "m" * 80, "name": "a long file name " * 9 + ".jpg"}
    figure = predictions_figure([shown(**long)] * 7)
    assert cut_off(figure) == []
    height, drawn = figure.bbox.height, drawn_texts(figure)
    for place in range(7):
        left, top = corner(place, 7, 6)
        step = corner(1, 7, 6)[0] - corner(0, 7, 6)[0]
        below = corner(6, 7, 6)[1] - corner(0, 7, 6)[1]
        for text, box in drawn[3 * place : 3 * place + 3]:
            assert "…" in text
            assert left - 1 <= box.x0
            assert box.x1 <= left + step
            assert top + TILE + 2 * FRAME <= height - box.y1
            assert height - box.y0 <= top + below


def test_difficult_names_are_drawn_as_text(drawn_texts, tmp_path):
    classes = ["$x_1$", "\U00050000", "<script>"]
    pictures = [
        shown(truth="$x_1$", predicted="\U00050000", name="\U00050001.png"),
        shown(truth="<script>", predicted="a\nb", probability=float("nan"), name="\udce9.png"),
    ]
    lines = [t for t, _ in drawn_texts(predictions_figure(pictures, classes=classes))]
    assert lines == ["✗ #1  88 %", "is $x_1$", "□.png", "✗ a b  –", "is <script>", "□.png"]
    draw_predictions(pictures, tmp_path / "p.png")  # any warning is an error


def test_many_photographs_stay_small_with_frames_unchanged(tmp_path):
    rng = np.random.default_rng(0)
    rows, columns = np.indices((224, 224)) / 224
    photographs = []
    for place in range(24):
        mix = rng.random((3, 2)) * 255
        smooth = (rows[..., None] * mix[:, 0] + columns[..., None] * mix[:, 1]) / 2
        noise = rng.normal(0, 12, smooth.shape)
        photographs.append(shown(place % 3 > 0, np.clip(smooth + noise, 0, 255).astype(np.uint8)))
    path = tmp_path / "p.png"
    told = draw_predictions(photographs, path)
    assert path.stat().st_size < 400_000
    with Image.open(path) as image:
        assert image.mode == "P"
        assert image.text["Description"] == told
    sheet = read(path)
    for place in range(24):
        left, top = corner(place, 24, 6)
        colour = rgb(style.GREEN if place % 3 else style.RED)
        assert (sheet[top : top + FRAME, left : left + TILE] == colour).all()
    assert tuple(sheet[0, 0]) == (255, 255, 255)


def test_the_sheet_in_words():
    assert describe_predictions([shown(False), shown(), shown()]).startswith(
        "3 pictures, 1 of them wrong"
    )
    assert describe_predictions([shown()]).startswith("1 picture, 0 of them wrong")


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((8, 8, 3), np.float32),
        np.zeros((8, 8, 4), np.uint8),
        np.zeros((3, 8, 8), np.uint8),
        np.zeros((0, 8, 3), np.uint8),
        np.zeros(8, np.uint8),
    ],
)
def test_other_pixels_are_an_error(pixels, tmp_path):
    with pytest.raises(MartletError, match="use uint8 of"):
        draw_predictions([shown(pixels=pixels)], tmp_path / "p.png")
    assert list(tmp_path.iterdir()) == []


def test_nothing_to_show_and_no_columns_are_errors(tmp_path):
    with pytest.raises(MartletError, match="shown has no pictures"):
        draw_predictions([], tmp_path / "p.png")
    with pytest.raises(MartletError, match="columns=0"):
        draw_predictions([shown()], tmp_path / "p.png", columns=0)


def test_the_evidence_lies_over_the_picture_and_is_told(tmp_path):
    evidence = np.array([[0, 0], [0, 1]], np.float32)
    plain, with_it = (
        inside(sheet_pixels([shown(evidence=one)], 6), 0, 1) for one in (None, evidence)
    )
    bright = with_it.sum(axis=2, dtype=int)
    assert bright[TILE // 2 + 4 :, TILE // 2 + 4 :].min() > plain[0, 0].sum() > bright[0, 0]
    assert "speaks for the prediction" in describe_predictions([shown(evidence=evidence)])
    assert "speaks for" not in describe_predictions([shown()])


def test_another_word_for_the_truth(drawn_texts):
    figure = predictions_figure([shown(right=False)], truth="labelled")
    assert "labelled cat" in [text for text, _ in drawn_texts(figure)]
    told = describe_predictions([shown(right=False)], "labelled")
    assert told == "1 picture: the answer above, and below it what the picture is labelled."
