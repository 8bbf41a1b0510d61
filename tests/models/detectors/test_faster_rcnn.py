"""Faster R-CNN is torchvision's, on networks of ours."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.detection import (
    fasterrcnn_mobilenet_v3_large_fpn,
    fasterrcnn_resnet50_fpn,
)
from torchvision.models.detection.faster_rcnn import FasterRCNN as Theirs

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.models.detectors import Detector
from martlet.models.weights.torchvision_detectors import detector_of
from martlet.tasks.detection.select import select

MEAN = torch.tensor([0.485, 0.456, 0.406])[:, None, None]
STD = torch.tensor([0.229, 0.224, 0.225])[:, None, None]


def theirs(maker: Callable[..., Any], side: int) -> Theirs:
    """With weights by chance that answer clearly, for pictures of this side."""
    torch.manual_seed(0)
    model: Theirs = maker(
        weights=None, weights_backbone=None, num_classes=4, min_size=side, max_size=side
    )
    for module in model.backbone.body.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.normal_(module.weight, 0.0, (2 / module.weight[0].numel()) ** 0.5)
    seen: list[Tensor] = []
    watch = model.roi_heads.box_head.register_forward_hook(lambda *given: seen.append(given[2]))
    with torch.no_grad():
        model.eval()(list(torch.rand(2, 3, side, side)))
    watch.remove()
    length = float(seen[0].norm(dim=1).mean())
    for layer, deviation in (
        (model.roi_heads.box_predictor.cls_score, 2.0),
        (model.roi_heads.box_predictor.bbox_pred, 1.0),
    ):
        nn.init.normal_(layer.weight, 0.0, deviation / length)
    model.roi_heads.score_thresh = 0.01
    return model.double()


@torch.no_grad()
@pytest.mark.parametrize(
    "maker",
    [
        fasterrcnn_mobilenet_v3_large_fpn,
        pytest.param(fasterrcnn_resnet50_fpn, marks=pytest.mark.long),
    ],
)
def test_torchvisions_boxes(maker: Callable[..., Any]) -> None:
    side = 96
    model, x = theirs(maker, side), torch.rand(2, 3, side, side).double()
    found = detector_of(model.state_dict())
    assert found is not None
    mine = found.build().double()
    assert isinstance(mine, Detector)
    corners, scores = mine.decode(mine((x - MEAN) / STD), mine.places((side, side)))
    for picture, boxes, values in zip(model(list(x)), corners, scores, strict=True):
        chosen = select(boxes, values, (side, side), least=0.01, overlap=0.5, most=100)
        assert len(chosen.scores) == len(picture["scores"]) > 1
        torch.testing.assert_close(chosen.scores, picture["scores"], rtol=0, atol=2e-5)
        torch.testing.assert_close(chosen.corners, picture["boxes"], rtol=0, atol=2e-3)
        assert chosen.classes.tolist() == (picture["labels"] - 1).tolist()


@pytest.mark.parametrize(
    ("detector", "network", "params"),
    [
        ("faster_rcnn", "resnet50", 41_808_406),
        ("faster_rcnn_mobile", "mobilenet_v3_large", 19_410_754),
    ],
)  # of torchvision's, with 91 outputs
def test_params(detector: str, network: str, params: int) -> None:
    with torch.device("meta"):
        model = create_model(network, detector=detector, num_classes=90)
    assert sum(weight.numel() for weight in model.parameters()) == params


def test_macs_are_those_that_torchvision_states() -> None:
    """134.38 G at 800 pixels (FasterRCNN_ResNet50_FPN_Weights)."""
    with torch.device("meta"):
        model = create_model("resnet50", detector="faster_rcnn", num_classes=90).eval()
    assert round(cost(model, (1, 3, 800, 800)).macs / 1e9, 2) == 134.38


def wanted() -> Tensor:
    """A box and a crowd in the first picture, none in the second."""
    rows = torch.full((2, 2, 8), -1.0)
    rows[0, 0] = torch.tensor([1.0, 5, 5, 40, 50, 0, 1, 1])
    rows[0, 1] = torch.tensor([0.0, 0, 0, 64, 64, 1, 1, 1])
    return rows


@pytest.mark.parametrize(
    "detector", ["faster_rcnn", pytest.param("faster_rcnn_mobile", marks=pytest.mark.long)]
)
def test_its_loss_is_in_four_parts_and_every_weight_learns(detector: str) -> None:
    torch.manual_seed(0)
    model = create_model("shufflenet_v2_x0_5", detector=detector, num_classes=2).train()
    x = torch.randn(2, 3, 64, 64)
    parts = model(x, wanted())
    assert parts.shape == (4,)
    parts.sum().backward()
    still = [key for key, p in model.named_parameters() if p.grad is None]
    assert still == []
    assert model(x).shape[1] == model.backbone(x)[-1].shape[1]  # of norm's statistics alone
    crowd_alone = wanted()
    crowd_alone[0, 0, 0] = -1
    assert model(x, crowd_alone)[[1, 3]].abs().sum() == 0  # nothing moves: a crowd is no box


def test_answers_are_as_many_in_every_picture() -> None:
    model = create_model("shufflenet_v2_x0_5", detector="faster_rcnn", num_classes=2).eval()
    with torch.no_grad():
        answers = model(torch.randn(2, 3, 64, 64))
    assert answers.shape == (2, 1000, 3 + 12 + 4)
    boxes, scores = model.decode(answers, model.places((64, 64)))
    assert (boxes.shape, scores.shape) == ((2, 1000, 2, 4), (2, 1000, 2))
    none = (answers[..., -4:] == 0).all(-1)
    assert none.any()
    assert scores[none].abs().sum() == 0


def test_it_is_not_exported() -> None:
    model = create_model("shufflenet_v2_x0_5", detector="faster_rcnn_mobile", num_classes=2)
    with pytest.raises(MartletError, match=r"is not exported, .* detector='lite' or 'ssdlite'\.$"):
        model.told()
    with pytest.raises(MartletError, match=r"^num_classes=0 is too small"):
        create_model("shufflenet_v2_x0_5", detector="faster_rcnn", num_classes=0)
