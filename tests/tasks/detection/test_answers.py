"""Answers decoded without torch are those decoded with it."""

import numpy as np
import pytest
import torch

from martlet.errors import MartletError
from martlet.models import create_model
from martlet.tasks.detection.answers import check, decoded, places_of


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


HOW = {"kind": "distances", "bins": 8, "strides": [8, 16]}


@pytest.mark.parametrize(
    "how",
    [
        None,
        [],
        {},
        HOW | {"kind": "anchors"},
        HOW | {"bins": 0},
        HOW | {"bins": "many"},
        HOW | {"strides": []},
        HOW | {"strides": [8, 0]},
        {"kind": "distances"},
    ],
)
def test_what_is_not_known_is_refused(how: object) -> None:
    with pytest.raises(MartletError, match="is not known; accepted: a kind of distances"):
        check(how)


@pytest.mark.parametrize("shape", [(1, 7, 35), (1, 80, 32), (80, 35)])
def test_answers_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    check(HOW)
    with pytest.raises(MartletError, match="do not fit 80 places with 8 bins"):
        decoded(np.zeros(shape, np.float32), HOW, (64, 64))
