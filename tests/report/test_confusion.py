from itertools import pairwise

import numpy as np
import pytest
from PIL import Image
from sklearn.metrics import confusion_matrix

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.confusion import _ZERO, confusion_figure, describe_confusion, draw_confusion


def matrix(classes: int, per_class: int = 40, right: float = 0.9) -> np.ndarray:
    rng = np.random.default_rng(classes)
    truth = np.repeat(np.arange(classes), per_class)
    said = np.where(rng.random(truth.size) < right, truth, rng.integers(0, classes, truth.size))
    if classes == 1:  # scikit-learn warns of a single class
        return np.array([[per_class]])
    return confusion_matrix(truth, said, labels=range(classes))


def names(classes: int) -> list[str]:
    return [f"class {label}" for label in range(classes)]


def texts(panel, gid):
    return [text.get_text().strip() for text in panel.texts if text.get_gid() == gid]


def rgb(colour: str) -> tuple[int, ...]:
    return tuple(bytes.fromhex(colour[1:]))


@pytest.mark.parametrize("classes", [1, 2, 12, 13, 101, 1000])
def test_no_text_is_cut_off_at_any_size(classes, cut_off):
    assert cut_off(confusion_figure(matrix(classes), names(classes))) == []


@pytest.mark.parametrize("classes", [43, 1000])
def test_the_file_stays_small_and_says_what_it_shows(classes, tmp_path):
    path = tmp_path / "confusion.png"
    told = draw_confusion(matrix(classes), names(classes), path)
    assert path.stat().st_size < 300_000
    with Image.open(path) as image:
        assert max(image.size) < 2500
        assert image.text["Description"] == told
    assert [found.name for found in tmp_path.iterdir()] == ["confusion.png"]


def test_counts_names_and_recall_are_where_they_belong():
    counts = np.array([[7, 0, 2], [1, 12, 0], [0, 1, 9999]])
    panel = confusion_figure(counts, ["a", "b", "c"]).axes[0]
    written = {
        (round(text.get_position()[1]), round(text.get_position()[0])): int(text.get_text())
        for text in panel.texts
        if text.get_gid() == "count"
    }
    assert written == {(int(r), int(c)): int(counts[r, c]) for r, c in np.argwhere(counts)}
    assert (panel.get_ylabel(), panel.get_xlabel()) == ("true class", "predicted class")
    for ticks in (panel.get_yticklabels(), panel.get_xticklabels()):
        assert [tick.get_text() for tick in ticks] == ["a", "b", "c"]
    assert panel.get_ylim() == (2.5, -0.5)  # the first class is the top row
    # Rounded down: a row with a mistake is never said to be all right.
    assert texts(panel, "recall") == ["77 %", "92 %", "99 %"]


def test_the_cells_have_the_colours_of_right_and_wrong(tmp_path):
    counts = np.array([[5, 0, 0], [0, 0, 8], [0, 0, 9]])
    draw_confusion(counts, names(3), tmp_path / "c.png")
    panel = confusion_figure(counts, names(3)).axes[0]
    with Image.open(tmp_path / "c.png") as image:
        place = panel.get_position()

        def colour(row: int, column: int) -> tuple[int, ...]:
            # A fifth into the cell, beside its count.
            x = (place.x0 + place.width * (column + 0.2) / 3) * image.width
            y = (1 - place.y1 + place.height * (row + 0.2) / 3) * image.height
            return image.getpixel((int(x), int(y)))

        assert colour(0, 0) == colour(2, 2) == rgb(style.BLUE)
        assert colour(1, 2) == rgb(style.RED)
        assert colour(0, 1) == colour(1, 0) == colour(1, 1) == rgb(_ZERO)


def test_a_mistake_of_one_percent_differs_visibly_from_none():
    counts = np.array([[99, 1], [0, 100]])
    cells = confusion_figure(counts, names(2)).axes[0].images[0].get_array()
    assert np.abs(cells[0, 1] - cells[1, 0]).max() > 0.3


def test_a_class_without_pictures_is_said_to_have_none(cut_off):
    counts = matrix(6)
    counts[2] = 0
    figure = confusion_figure(counts, names(6))
    panel = figure.axes[0]
    assert [t.get_position()[1] for t in panel.texts if t.get_text() == "no pictures"] == [2]
    assert texts(panel, "recall")[2] == "–"
    assert (panel.images[0].get_array()[2] == 1).all()
    assert cut_off(figure) == []


def test_a_thousand_classes_keep_every_single_mistake_visible():
    counts = np.diag(np.full(1000, 50))
    counts[123, 877] = 1
    counts[123, 123] -= 1
    cells = np.asarray(confusion_figure(counts, names(1000)).axes[0].images[0].get_array())
    assert cells.shape == (250, 250, 3)
    background = np.array(rgb(_ZERO)) / 255
    off = np.abs(cells - background).max(axis=-1) > 0.1
    np.fill_diagonal(off, False)
    assert np.argwhere(off).tolist() == [[123 // 4, 877 // 4]]


def test_a_last_block_that_is_not_full_is_averaged_over_its_own_classes():
    cells = confusion_figure(np.diag(np.full(251, 3)), names(251)).axes[0].images[0].get_array()
    assert cells.shape == (126, 126, 3)
    assert np.allclose(cells[125, 125], np.array(rgb(style.BLUE)) / 255)


def test_large_matrices_list_the_most_frequent_mistakes():
    counts = np.diag(np.full(100, 20))
    counts[3, 5], counts[60, 2] = 9, 4
    listed = [t.get_text() for t in confusion_figure(counts, names(100)).texts]
    assert "class 3 → class 5, 9 of 29" in listed
    assert listed.index("class 3 → class 5, 9 of 29") < listed.index("class 60 → class 2, 4 of 24")
    assert all("→" not in t.get_text() for t in confusion_figure(matrix(5), names(5)).texts)


def test_the_matrix_in_words():
    assert describe_confusion(np.array([[1200, 34], [0, 10]]), ["cat", "dog"]) == (
        "1,210 of 1,244 pictures are on the diagonal. Most frequent mistakes: "
        "cat taken for dog (34 of 1234)."
    )
    assert describe_confusion(np.diag([2, 3]), ["a", "b"]) == (
        "5 of 5 pictures are on the diagonal."
    )


def test_difficult_names_are_drawn_as_text(tmp_path, cut_off, drawn_texts, monkeypatch):
    classes = ["$a_b$", "under_score", "<script>", "x" * 200, "two\nlines", "\U00050000", "100%"]
    figure = confusion_figure(matrix(7), classes)
    assert cut_off(figure) == []
    shown = [text for text, _ in drawn_texts(figure)]
    for name in ("$a_b$", "under_score", "<script>", "two lines", "#5", "100%"):
        assert shown.count(name) == 2
    ticks = [*figure.axes[0].get_xticklabels(), *figure.axes[0].get_yticklabels()]
    assert len(ticks) == 14
    assert not any(tick.get_parse_math() for tick in ticks)
    (long,) = {text for text in shown if text.startswith("xxx")}
    assert "…" in long
    draw_confusion(matrix(7), classes, tmp_path / "c.png")  # any warning is an error


def test_names_of_neighbouring_columns_do_not_touch(drawn_texts):
    for classes in (2, 100):
        labels = [f"a rather long name {label}" for label in range(classes)]
        figure = confusion_figure(matrix(classes), labels)
        drawn_texts(figure)
        boxes = [tick.get_window_extent() for tick in figure.axes[0].get_xticklabels()]
        assert len(boxes) == classes
        assert all(a.x1 <= b.x0 + 0.5 for a, b in pairwise(boxes))


@pytest.mark.parametrize(
    ("counts", "classes", "told"),
    [
        (np.zeros((2, 3), int), ["a", "b"], r"shape \(2, 3\)"),
        (np.zeros((2, 2), int), ["a", "b", "c"], "3 classes"),
        (np.zeros((0, 0), int), [], "at least one class"),
        (np.full((2, 2), 0.5), ["a", "b"], "integers from 0 on"),
        (np.full((2, 2), -1), ["a", "b"], "integers from 0 on"),
    ],
)
def test_what_is_no_confusion_matrix_is_an_error(counts, classes, told, tmp_path):
    with pytest.raises(MartletError, match=told):
        draw_confusion(counts, classes, tmp_path / "c.png")
    assert list(tmp_path.iterdir()) == []
