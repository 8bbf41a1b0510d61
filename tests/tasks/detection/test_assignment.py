"""Which places learn which box, by hand and by the paper's formula."""

import torch
from torch import Tensor
from torchvision.ops import box_iou

from martlet.tasks.detection.assignment import CANDIDATES, assign


def grid(side: int = 64, strides: tuple[int, ...] = (8, 16)) -> Tensor:
    rows = []
    for stride in strides:
        at = torch.arange(side // stride) * stride + stride / 2
        centres = torch.cartesian_prod(at, at).flip(1)
        rows.append(torch.cat((centres, torch.full((len(centres), 1), float(stride))), 1))
    return torch.cat(rows)


def target(*boxes: tuple[float, ...]) -> Tensor:
    """Padded with a row that is no box."""
    rows = [(*box, 0.0) if len(box) == 5 else box for box in boxes]
    return torch.tensor([*rows, (-1.0, 0, 0, 0, 0, 0)])


def around(places: Tensor, reach: float) -> Tensor:
    return torch.cat((places[:, :2] - reach, places[:, :2] + reach), 1)


def test_the_best_places_within_a_box_learn_it() -> None:
    places = grid()
    boxes, scores = around(places, 12.0), torch.full((len(places), 2), 0.1)
    wanted = target((1, 8.0, 8.0, 40.0, 40.0))
    found = assign(scores, boxes, places, wanted)
    mine = found.box == 0
    assert 0 < mine.sum() <= CANDIDATES
    x, y = places[mine, 0], places[mine, 1]
    assert ((x > 8) & (x < 40) & (y > 8) & (y < 40)).all()
    overlap = box_iou(boxes, wanted[:1, 1:5])[:, 0]
    fit = 0.1**0.5 * overlap**6
    inside = (places[:, :2] > 8).all(1) & (places[:, :2] < 40).all(1)
    order = fit.masked_fill(~inside, 0).argsort(descending=True)[: int(mine.sum())]
    assert set(order.tolist()) == set(torch.nonzero(mine).flatten().tolist())
    expected = fit[mine] / fit[mine].max() * overlap[mine].max()
    torch.testing.assert_close(found.score[mine], expected)
    assert not found.score[~mine].any()
    assert not found.ignored.any()


def test_a_higher_score_is_asked_for_more() -> None:
    places = grid()
    boxes, scores = around(places, 16.0), torch.full((len(places), 2), 0.01)
    scores[20, 0] = 0.9
    wanted = target((0, 0.0, 0.0, 64.0, 64.0))
    found = assign(scores, boxes, places, wanted)
    assert found.score.argmax() == 20
    others = found.score[(found.box == 0) & (torch.arange(len(places)) != 20)]
    assert 0 < others.max() < 0.2 * found.score[20]


def test_a_place_learns_the_box_that_it_overlaps_most() -> None:
    places = grid()
    boxes, scores = around(places, 8.0), torch.full((len(places), 1), 0.5)
    # So small that all places within a box are among its candidates.
    wanted = target((0, 0.0, 0.0, 24.0, 24.0), (0, 4.0, 4.0, 20.0, 20.0))
    found = assign(scores, boxes, places, wanted)
    overlap = box_iou(boxes, wanted[:2, 1:5])
    both = (places[:, :2] > 4).all(1) & (places[:, :2] < 20).all(1)
    assert both.sum() == 2
    assert (found.box[both] == overlap[both].argmax(1)).all()
    assert set(found.box.tolist()) == {-1, 0, 1}


def test_a_box_between_all_centres_is_learnt_all_the_same() -> None:
    places = grid()
    found = assign(
        torch.full((len(places), 1), 0.5), around(places, 4.0), places,
        target((0, 9.0, 9.0, 11.0, 11.0)),
    )  # fmt: skip
    (at,) = torch.nonzero(found.box == 0).tolist()
    assert places[at[0]].tolist() == [12.0, 12.0, 8.0]
    assert found.score[at[0]] > 0


def test_crowds_are_neither_learnt_nor_held_against_it() -> None:
    places = grid()
    boxes, scores = around(places, 8.0), torch.full((len(places), 1), 0.5)
    found = assign(scores, boxes, places, target((0, 0.0, 0.0, 32.0, 64.0, 1.0)))
    assert (found.box == -1).all()
    assert torch.equal(found.ignored, places[:, 0] < 32)
    both = target((0, 0.0, 0.0, 32.0, 64.0, 1.0), (0, 4.0, 4.0, 20.0, 20.0))
    found = assign(scores, boxes, places, both)
    assert (found.box == 1).any()
    assert not (found.ignored & (found.box == 1)).any()


def test_without_boxes_nothing_is_learnt() -> None:
    places = grid()
    found = assign(torch.rand(len(places), 2), around(places, 4.0), places, target())
    assert (found.box == -1).all()
    assert not found.score.any()
    assert not found.ignored.any()
