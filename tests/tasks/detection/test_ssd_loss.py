"""The loss of SSDLite is torchvision's."""

import torch
from tests.models.detectors.test_ssdlite import theirs
from torch import Tensor
from torchvision.ops import box_iou

from martlet.models import create_model
from martlet.tasks.detection.assignment import NONE
from martlet.tasks.detection.ssd_loss import matches, ssd_loss

SIZE, CLASSES = (96, 128), 3


def outputs() -> Tensor:
    torch.manual_seed(0)
    model = create_model("shufflenet_v2_x0_5", detector="ssdlite", num_classes=CLASSES)
    anchors = model.places(SIZE)
    answers = torch.randn(3, len(anchors), 1 + CLASSES + 4)
    return torch.cat((answers, anchors.expand(3, -1, -1)), 2)


TARGETS = torch.tensor(
    [
        [[1.0, 12, 8, 60, 70, 0], [0, 30, 30, 120, 90, 0], [2, 31, 29, 119, 92, 0]],
        [[2.0, 3, 3, 9, 8, 0], [-1, 0, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0]],
        [[-1.0, 0, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0], [-1, 0, 0, 0, 0, 0]],
    ]
)


def test_by_torchvision() -> None:
    given, model = outputs(), theirs(1 + CLASSES)
    anchors = given[0, :, -4:]
    asked, matched = [], []
    for wanted in TARGETS:
        real = wanted[wanted[:, 0] >= 0]
        asked.append({"boxes": real[:, 1:5], "labels": real[:, 0].long() + 1})
        if not len(real):
            matched.append(torch.full((len(anchors),), -1))
            continue
        matched.append(model.proposal_matcher(box_iou(real[:, 1:5], anchors)))
    heads = {"bbox_regression": given[..., -8:-4], "cls_logits": given[..., :-8]}
    expected = model.compute_loss(asked, heads, [anchors] * 3, matched)
    torch.testing.assert_close(ssd_loss(given, TARGETS), sum(expected.values()))


def test_every_box_has_an_anchor_and_a_crowd_has_none() -> None:
    anchors = outputs()[0, :, -4:]
    for wanted in TARGETS:
        found, crowded = matches(anchors, wanted)
        numbers = torch.nonzero(wanted[:, 0] >= 0).flatten().tolist()
        assert set(found.tolist()) - {NONE} == set(numbers)
        assert not crowded.any()
    crowd = torch.tensor([[0.0, 0, 0, 64, 96, 1]])
    found, crowded = matches(anchors, crowd)
    assert (found == NONE).all()
    centres = (anchors[:, 0] + anchors[:, 2]) / 2
    assert crowded.tolist() == (centres < 64).tolist()


def test_what_a_crowd_covers_is_no_background() -> None:
    given = outputs()[:1]
    crowd = torch.tensor([[[1.0, 12, 8, 60, 70, 0], [0, 64, 0, 128, 96, 1]]])
    given.requires_grad_(True)
    ssd_loss(given, crowd).backward()
    moved = given.grad[0].abs().sum(1) > 0
    centres = ((given[0, :, -4] + given[0, :, -2]) / 2).detach()
    assert moved.any()
    found, _ = matches(given[0, :, -4:].detach(), crowd[0])
    assert not moved[(centres > 64) & (found == NONE)].any()


def test_no_box_at_all_is_no_loss() -> None:
    given = outputs()[2:].requires_grad_(True)
    found = ssd_loss(given, TARGETS[2:])
    found.backward()
    assert float(found.detach()) == 0.0
