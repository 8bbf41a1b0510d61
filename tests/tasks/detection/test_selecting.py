"""A detector as batches go through it."""

import torch

from martlet.models import create_model
from martlet.tasks.detection.limits import MOST_BOXES
from martlet.tasks.detection.select import select
from martlet.tasks.detection.selecting import Selecting


def test_answers_in_training_and_boxes_in_evaluation() -> None:
    torch.manual_seed(0)
    detector = create_model("shufflenet_v2_x0_5", detector="lite", num_classes=3)
    detector.answer.bias.data[:3] = -1.0  # type: ignore[union-attr, operator, index]
    through, x = Selecting(detector), torch.randn(2, 3, 64, 96)
    assert through.training
    places = detector.places((64, 96))
    assert through(x).shape == (2, len(places), 3 + 32 + 3)
    through.eval()
    assert not detector.training
    with torch.no_grad():
        rows = through(x)
        corners, scores = detector.decode(detector(x), places)
    assert rows.shape == (2, MOST_BOXES, 6)
    for number in range(2):
        found = select(corners[number], scores[number], (64, 96))
        count = len(found.scores)
        assert count > 5
        assert torch.equal(rows[number, :count, :4], found.corners)
        assert torch.equal(rows[number, :count, 4], found.scores)
        assert torch.equal(rows[number, :count, 5], found.classes.float())
        assert (rows[number, count:] == -1).all()
    through.train()
    assert detector.training
