"""Answers decoded without torch are those decoded with it."""

import numpy as np
import pytest
import torch

from martlet.models import create_model
from martlet.tasks.detection.answers import decoded, places_of


@pytest.mark.parametrize("size", [(64, 96), (65, 33), (320, 320)])
def test_by_the_detector_itself(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    detector = create_model("shufflenet_v2_x0_5", detector="lite", num_classes=3).eval()
    how, places = detector.told(), detector.places(size)
    np.testing.assert_array_equal(places_of(how["strides"], size), places.numpy())
    answers = 4 * torch.randn(2, len(places), 3 + 4 * how["bins"])
    found = decoded(answers.numpy(), how, size)
    for one, other in zip(found, detector.decode(answers, places), strict=True):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other.numpy(), rtol=2e-5, atol=2e-4)
