"""COCO's figures, against a plain computation."""

import numpy as np
import pytest

from martlet.measuring.box_errors import iou
from martlet.measuring.boxes import FIGURES, RECALLS, Answers, Truth, evaluate_boxes

CLASSES = ("cat", "dog", "bird")


def truth(*boxes: tuple[float, ...], crowd: tuple[int, ...] = ()) -> Truth:
    values = np.array(boxes, np.float32).reshape(-1, 5)
    return Truth(
        values[:, 1:], values[:, 0].astype(np.int64), np.isin(np.arange(len(values)), crowd)
    )


def answers(*boxes: tuple[float, ...]) -> Answers:
    """class, score, corners"""
    values = np.array(boxes, np.float32).reshape(-1, 6)
    return Answers(values[:, 2:], values[:, 1], values[:, 0].astype(np.int64))


def made(seed: int, pictures: int = 12) -> tuple[list[Answers], list[Truth]]:
    rng = np.random.default_rng(seed)
    wanted, found = [], []
    for _ in range(pictures):
        count = int(rng.integers(0, 6))
        corners = rng.uniform(0, 60, (count, 2))
        boxes = np.concatenate((corners, corners + rng.uniform(30, 130, (count, 2))), 1)
        kinds = rng.integers(0, 2, count)
        wanted.append(Truth(boxes.astype(np.float32), kinds, np.zeros(count, bool)))
        near = boxes.repeat(2, 0) + rng.normal(0, 5, (2 * count, 4))
        more = np.concatenate((near, rng.uniform(0, 20, (3, 4)) + np.array((0, 0, 30, 30))))
        of = np.concatenate((kinds.repeat(2), rng.integers(0, 3, 3)))
        swapped = rng.random(len(of)) < 0.2
        of = np.where(swapped, rng.integers(0, 3, len(of)), of)
        scores = rng.random(len(more)).astype(np.float32)
        found.append(Answers(more.astype(np.float32), scores, of))
    return found, wanted


def plain_ap(found: list[Answers], wanted: list[Truth], kind: int, least: float) -> float:
    """Average precision of a class at an IoU, by COCO's 101 points."""
    lines = sorted(
        ((-float(one.scores[k]), picture, k) for picture, one in enumerate(found)
         for k in np.flatnonzero(one.classes == kind)), key=lambda line: line[0],
    )  # fmt: skip
    total = sum(int((one.classes == kind).sum()) for one in wanted)
    taken = [np.zeros(len(one.classes), bool) for one in wanted]
    right = []
    for _, picture, k in lines:
        mine = np.flatnonzero((wanted[picture].classes == kind) & ~taken[picture])
        overlap = iou(found[picture].corners[k : k + 1], wanted[picture].corners[mine])[0]
        hit = len(mine) > 0 and overlap.max() >= least
        right.append(hit)
        if hit:
            taken[picture][mine[overlap.argmax()]] = True
    hits = np.cumsum(right)
    recall, precision = hits / total, hits / np.arange(1, len(hits) + 1)
    best = np.maximum.accumulate(precision[::-1])[::-1]
    places = np.searchsorted(recall, RECALLS - 1e-12)
    return float(np.where(places < len(best), best[np.minimum(places, len(best) - 1)], 0).mean())


@pytest.mark.parametrize("seed", range(4))
def test_average_precision_by_its_definition(seed: int) -> None:
    found, wanted = made(seed)
    scored = evaluate_boxes(found, wanted, CLASSES)
    metrics = scored.metrics
    assert set(FIGURES) <= set(metrics)
    each = [[plain_ap(found, wanted, k, t) for t in np.arange(0.5, 0.96, 0.05)] for k in (0, 1)]
    for k in (0, 1):
        row = metrics["per_class"][k]
        assert row["boxes"] == sum(int((one.classes == k).sum()) for one in wanted)
        assert row["ap50"] == pytest.approx(each[k][0], abs=2e-3)
        assert row["ap"] == pytest.approx(np.mean(each[k]), abs=2e-3)
        assert scored.precision[k].mean() == pytest.approx(each[k][0], abs=2e-3)
    assert metrics["ap50"] == pytest.approx((each[0][0] + each[1][0]) / 2, abs=2e-3)
    assert metrics["per_class"][2] == {"class": "bird", "boxes": 0, "ap": None, "ap50": None}
    assert np.isnan(scored.precision[2]).all()


def test_perfect_answers_and_sizes_that_nothing_has() -> None:
    wanted = [truth((0, 5, 5, 25, 25), (1, 0, 0, 50, 60)), truth((0, 1, 1, 200, 200))]
    found = [answers((0, 0.9, 5, 5, 25, 25), (1, 0.8, 0, 0, 50, 60)),
             answers((0, 0.7, 1, 1, 200, 200))]  # fmt: skip
    metrics = evaluate_boxes(found, wanted, CLASSES[:2]).metrics
    assert [metrics[name] for name in FIGURES] == pytest.approx([1.0] * 12)
    assert (metrics["pictures"], metrics["boxes"]) == (2, 3)
    only_small = evaluate_boxes([answers((0, 0.9, 0, 0, 9, 9))], [truth((0, 0, 0, 9, 9))], CLASSES)
    assert only_small.metrics["ap_small"] == pytest.approx(1.0)
    assert only_small.metrics["ap_large"] is None


def test_a_crowd_is_neither_missed_nor_held_against_what_lies_in_it() -> None:
    wanted = [truth((0, 0, 0, 100, 100), (0, 200, 200, 240, 240), crowd=(0,))]
    within = (0, 0.9, 10, 10, 40, 40), (0, 0.8, 50, 50, 80, 80)
    found = [answers(*within, (0, 0.5, 200, 200, 240, 240))]
    metrics = evaluate_boxes(found, wanted, CLASSES).metrics
    assert metrics["ap50"] == pytest.approx(1.0)
    assert metrics["boxes"] == 1


def test_nothing_found_and_nothing_there() -> None:
    wanted = [truth((0, 0, 0, 9, 9)), truth()]
    nothing = evaluate_boxes([answers(), answers()], wanted, CLASSES)
    assert nothing.metrics["ap"] == nothing.metrics["ap50"] == 0.0
    assert nothing.metrics["per_class"][0]["ap"] == 0.0
    assert nothing.metrics["per_class"][1]["ap"] is None
    empty = evaluate_boxes([answers((0, 0.5, 0, 0, 5, 5))], [truth()], CLASSES)
    assert empty.metrics["ap"] is None
    assert empty.metrics["boxes"] == 0
