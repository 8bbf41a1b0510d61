"""Two late maps: where they are taken, and that they are the network's own."""

import pytest
import torch

from martlet.models import ImageClassifier, create_model
from martlet.models.detectors.late_features import First, LateFeatures


def network(name: str) -> ImageClassifier:
    torch.manual_seed(0)
    made = create_model(name).eval()
    assert isinstance(made, ImageClassifier)
    return made


@pytest.mark.parametrize(
    ("name", "first", "channels", "reductions"),
    [
        ("mobilenet_v2_x1_0", "expansion", [576, 1280], [16, 32]),  # 96 · 6
        ("mobilenet_v3_large_x1_0", "expansion", [672, 960], [16, 32]),
        ("mobilenet_v3_large_x1_0", "block", [160, 960], [32, 32]),
        ("shufflenet_v2_x1_0", "expansion", [232, 1024], [16, 32]),  # nothing expands
        ("shufflenet_v2_x1_0", "block", [464, 1024], [32, 32]),
        ("resnet18", "block", [512, 512], [32, 32]),
    ],
)
def test_where_they_are_taken(
    name: str, first: First, channels: list[int], reductions: list[int]
) -> None:
    model, x = network(name), torch.randn(1, 3, 64, 96)
    features = LateFeatures(model, first)
    maps = features(x)
    assert features.channels == channels == [map_.shape[1] for map_ in maps]
    assert features.reductions == reductions
    sides = [tuple(map_.shape[2:]) for map_ in maps]
    assert sides == [(64 // reduction, 96 // reduction) for reduction in reductions]
    torch.testing.assert_close(maps[1], model.forward_features(x))
    assert set(features.state_dict()) < set(model.state_dict())
