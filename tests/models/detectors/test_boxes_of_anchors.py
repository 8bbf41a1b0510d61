"""Moves of anchors are those of torchvision's coder."""

import pytest
import torch
from torchvision.models.detection._utils import BoxCoder

from martlet.models.detectors.boxes_of_anchors import moved, moves_to


def some(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    low = 200 * torch.rand(count, 2, generator=generator)
    return torch.cat((low, low + 1 + 100 * torch.rand(count, 2, generator=generator)), 1)


@pytest.mark.parametrize("weights", [(10.0, 10.0, 5.0, 5.0), (1.0, 2.0, 3.0, 4.0)])
def test_by_torchvision(weights: tuple[float, float, float, float]) -> None:
    coder, anchors = BoxCoder(weights), some(50, 0)
    moves = 20 * torch.randn(50, 4, generator=torch.Generator().manual_seed(1))  # some too large
    torch.testing.assert_close(moved(moves, anchors, weights), coder.decode_single(moves, anchors))
    boxes = some(50, 2)
    asked = moves_to(boxes, anchors, weights)
    torch.testing.assert_close(asked, coder.encode_single(boxes, anchors))
    torch.testing.assert_close(moved(asked, anchors, weights), boxes, rtol=1e-5, atol=1e-3)


def test_of_batches_and_of_classes() -> None:
    anchors, moves = some(6, 0), torch.randn(2, 6, 3, 4)
    found = moved(moves, anchors[:, None], (1.0, 1.0, 1.0, 1.0))
    assert found.shape == (2, 6, 3, 4)
    one = moved(moves[1, 4, 2], anchors[4], (1.0, 1.0, 1.0, 1.0))
    torch.testing.assert_close(found[1, 4, 2], one)
