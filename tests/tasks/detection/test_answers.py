"""Answers decoded without torch are those decoded with it."""

import numpy as np
import pytest
import torch

from martlet.errors import MartletError
from martlet.models import create_model
from martlet.tasks.detection.answers import anchors_of, check, decoded, places_of


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


@pytest.mark.parametrize("size", [(64, 96), (65, 33), (320, 320)])
def test_of_anchors_by_the_detector_itself(size: tuple[int, int]) -> None:
    torch.manual_seed(0)
    detector = create_model("shufflenet_v2_x0_5", detector="ssdlite", num_classes=3).eval()
    how, places = detector.told(), detector.places(size)
    check(how)
    np.testing.assert_allclose(anchors_of(how, size), places.numpy(), rtol=0, atol=1e-4)
    answers = 4 * torch.randn(2, len(places), 1 + 3 + 4)
    answers[0, :5, -2:] = 50.0  # sides grow no further than so far
    for one, other in zip(
        decoded(answers.numpy(), how, size), detector.decode(answers, places), strict=True
    ):
        assert one.dtype == np.float32
        np.testing.assert_allclose(one, other.numpy(), rtol=2e-5, atol=1e-3)


ANCHORS = {
    "kind": "anchors", "strides": [16, 32], "weights": [10.0, 10.0, 5.0, 5.0], "largest": 4.0,
    "sides": [[[0.2, 0.2], [0.3, 0.1]], [[0.5, 0.5], [0.9, 0.4]]],
}  # fmt: skip


HOW = {"kind": "distances", "bins": 8, "strides": [8, 16]}


@pytest.mark.parametrize(
    "how",
    [
        None,
        [],
        {},
        HOW | {"kind": "anchors"},
        ANCHORS | {"strides": [16]},
        ANCHORS | {"sides": [[[0.2, 0.2]], [[0.5, 0.5], [0.9, 0.4]]]},
        ANCHORS | {"sides": [[[0.2, 0.0]], [[0.5, 0.5]]]},
        ANCHORS | {"sides": [[[0.2, float("nan")]], [[0.5, 0.5]]]},
        ANCHORS | {"sides": 3},
        ANCHORS | {"weights": [10.0, 10.0, 5.0]},
        ANCHORS | {"weights": [10.0, 10.0, 5.0, 0.0]},
        ANCHORS | {"largest": "much"},
        ANCHORS | {"largest": float("inf")},
        HOW | {"bins": 0},
        HOW | {"bins": "many"},
        HOW | {"strides": []},
        HOW | {"strides": [8, 0]},
        {"kind": "distances"},
    ],
)
def test_what_is_not_known_is_refused(how: object) -> None:
    with pytest.raises(
        MartletError, match="is not known; accepted: a kind of distances or anchors"
    ):
        check(how)


@pytest.mark.parametrize("shape", [(1, 7, 35), (1, 80, 32), (80, 35)])
def test_answers_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    check(HOW)
    with pytest.raises(MartletError, match="do not fit 80 places with 8 bins"):
        decoded(np.zeros(shape, np.float32), HOW, (64, 64))
    with pytest.raises(MartletError, match="do not fit 40 anchors"):
        decoded(np.zeros(shape, np.float32), ANCHORS, (64, 64))
