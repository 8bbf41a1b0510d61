import math

import numpy as np
import pytest
from matplotlib.colors import to_hex
from PIL import Image

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.curves import best_epoch, curves_figure, describe_curves, draw_curves


def history(epochs: int, first: int = 1) -> list[dict[str, float]]:
    rows = []
    for epoch in range(first, first + epochs):
        done = (epoch - first + 1) / epochs
        rows.append(
            {
                "epoch": epoch,
                "train_loss": 2.0 - 1.8 * done,
                "val_loss": 2.1 - 1.6 * done,
                "train_top1": 0.2 + 0.79 * done,
                "val_top1": 0.2 + 0.7 * done,
                "lr": 0.1,
                "seconds": 3.0,
            }
        )
    return rows


def artists(panel, gid):
    return [artist for artist in panel.get_children() if artist.get_gid() == gid]


def test_the_lines_hold_the_values():
    rows = history(20)
    accuracy, loss = curves_figure(rows).axes
    for panel, quantity, scale in ((accuracy, "top1", 100), (loss, "loss", 1)):
        for part in ("train", "val"):
            (line,) = artists(panel, part)
            x, y = line.get_data()
            assert list(x) == [row["epoch"] for row in rows]
            assert y == pytest.approx([row[f"{part}_{quantity}"] * scale for row in rows])


def test_each_line_is_named_with_its_last_value_in_its_colour():
    accuracy, loss = curves_figure(history(5)).axes
    names = {
        (panel is accuracy, part): artists(panel, f"{part} label")[0].get_text()
        for panel in (accuracy, loss)
        for part in ("train", "val")
    }
    assert names == {
        (True, "train"): "training 99.0 %",
        (True, "val"): "validation 90.0 %",
        (False, "train"): "training 0.2",
        (False, "val"): "validation 0.5",
    }
    assert to_hex(artists(loss, "val")[0].get_color()) == style.BLUE.lower()
    assert artists(loss, "val label")[0].get_color() == style.BLUE


def test_names_of_lines_that_end_together_do_not_touch():
    rows = [
        {**row, "val_top1": row["train_top1"], "val_loss": row["train_loss"]} for row in history(5)
    ]
    figure = curves_figure(rows)
    figure.draw_without_rendering()
    for panel in figure.axes:
        boxes = [
            artists(panel, f"{part} label")[0].get_window_extent() for part in ("train", "val")
        ]
        assert not boxes[0].overlaps(boxes[1])


@pytest.mark.parametrize("first", [0, 1, 7])
def test_the_best_epoch_is_the_first_with_the_highest_validation_accuracy(first):
    rows = history(6, first)
    for row, top1 in zip(rows, (0.1, 0.5, 0.8, 0.3, 0.8, 0.2), strict=True):
        row["val_top1"] = top1
    assert best_epoch(rows) == first + 2
    accuracy, loss = curves_figure(rows).axes
    for panel in (accuracy, loss):
        (mark,) = artists(panel, "best")
        assert set(mark.get_xdata()) == {first + 2}
    (dot,) = artists(accuracy, "best value")
    assert (dot.get_xdata()[0], dot.get_ydata()[0]) == (first + 2, pytest.approx(80.0))


def test_the_callers_best_epoch_is_the_one_that_is_marked():
    accuracy, _ = curves_figure(history(6), best=4).axes
    assert artists(accuracy, "best")[0].get_xdata()[0] == 4
    assert "in epoch 4" in describe_curves(history(6), best=4)


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
def test_a_loss_that_is_not_finite_is_a_gap_and_is_marked(broken):
    rows = history(30)
    for epoch in (7, 8, 9, 20):
        rows[epoch - 1]["train_loss"] = broken
    _, loss = curves_figure(rows).axes
    (line,) = artists(loss, "train")
    assert np.flatnonzero(np.isnan(line.get_ydata())).tolist() == [6, 7, 8, 19]
    (crosses,) = artists(loss, "broken")
    assert list(crosses.get_xdata()) == [7, 8, 9, 20]
    assert loss.get_title("right") == "× not a number in epochs 7–9, 20"
    assert "not a number in epochs 7–9, 20" in describe_curves(rows)


def test_a_run_that_broke_everywhere_is_still_drawn(cut_off):
    rows = [{"epoch": e, "train_loss": math.nan, "val_top1": math.nan} for e in (1, 2)]
    figure = curves_figure(rows)
    assert best_epoch(rows) is None
    assert all(not artists(panel, "best") for panel in figure.axes)
    assert cut_off(figure) == []


def test_a_lone_value_between_gaps_is_drawn_as_a_dot():
    rows = history(30)
    rows[3]["val_loss"] = rows[5]["val_loss"] = math.nan
    _, loss = curves_figure(rows).axes
    dots = [line for line in loss.lines if line.get_marker() == "."]
    assert [list(line.get_xdata()) for line in dots] == [[5]]


def test_a_missing_value_is_passed_over():
    rows = history(10)
    for row in rows[::2]:
        del row["val_top1"], row["val_loss"]
    accuracy, _ = curves_figure(rows).axes
    x, y = artists(accuracy, "val")[0].get_data()
    assert list(x) == [2, 4, 6, 8, 10]
    assert np.isfinite(y).all()


def test_a_loss_that_falls_very_far_gets_a_logarithmic_axis():
    rows = history(40)
    for row in rows:
        row["train_loss"] = 3 * math.exp(-row["epoch"] / 5)
    _, loss = curves_figure(rows).axes
    assert loss.get_yscale() == "log"
    assert "logarithmic" in loss.get_title("left")
    assert curves_figure(history(40)).axes[1].get_yscale() == "linear"


def test_the_axes_hold_all_values_and_do_not_blow_up_small_differences():
    rows = [{**row, "val_top1": 0.99, "train_top1": 0.991} for row in history(4)]
    accuracy, loss = curves_figure(rows).axes
    low, high = accuracy.get_ylim()
    assert low < 99 < 99.1 < high
    assert high - low >= 5
    assert loss.get_ylim()[0] == 0
    poor = [{"epoch": 1, "val_top1": 0.0}, {"epoch": 2, "val_top1": 0.01}]
    low, high = curves_figure(poor).axes[0].get_ylim()
    assert low < 0
    assert high - low >= 5
    assert loss.get_ylim()[1] > max(row["val_loss"] for row in rows)


@pytest.mark.parametrize(("epochs", "best"), [(1, 1), (3, None), (300, None), (300, 1)])
def test_no_text_is_cut_off_or_hides_another(epochs, best, cut_off):
    rows = history(epochs)
    rows[-1]["val_loss"] = math.nan
    figure = curves_figure(rows, best)
    assert cut_off(figure) == []
    accuracy, loss = figure.axes
    ticks = loss.get_xticks()
    assert len(ticks) >= 1
    assert np.array_equal(ticks, np.round(ticks))
    named = [text for text in accuracy.texts if text.get_text().startswith("best")]
    assert len(named) == 1
    assert not named[0].get_window_extent().overlaps(accuracy._left_title.get_window_extent())


def test_the_file_is_a_small_png_with_its_description(tmp_path):
    told = draw_curves(history(300), tmp_path / "curves.png")
    assert told == (
        "Accuracy and loss over 300 epochs. Best validation accuracy: 90.0 % in epoch 300."
    )
    with Image.open(tmp_path / "curves.png") as image:
        assert image.size == (1188, 972)
        assert image.text["Description"] == told
        colours = {colour for _, colour in image.getcolors(1 << 20)}
    assert {tuple(bytes.fromhex(c[1:])) for c in (style.BLUE, style.ORANGE)} <= colours
    assert (tmp_path / "curves.png").stat().st_size < 150_000
    assert [path.name for path in tmp_path.iterdir()] == ["curves.png"]


def test_one_epoch_in_words():
    assert describe_curves(history(1)).startswith("Accuracy and loss over 1 epoch.")
    assert describe_curves([{"epoch": 1, "train_loss": math.nan}]) == (
        "Accuracy and loss over 1 epoch. The loss was not a number in epoch 1."
    )


def test_an_empty_history_is_an_error(tmp_path):
    with pytest.raises(MartletError, match="history has no epochs"):
        draw_curves([], tmp_path / "curves.png")
