"""SSDLite is torchvision's, on a network of ours: its numbers, its anchors, its answers."""

import pytest
import torch
from torch import nn
from torchvision.models.detection import ssdlite320_mobilenet_v3_large
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.ssd import SSD

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.models.detectors import SSDLite
from martlet.models.detectors.ssdlite import ANCHORS
from martlet.models.weights.torchvision_detectors import detector_of
from martlet.tasks.detection.select import select


def theirs(num_classes: int = 4) -> SSD:
    """With weights and statistics by chance, so that no two answers are alike."""
    torch.manual_seed(0)
    model = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=num_classes
    )
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            fan_in = module.weight[0].numel()
            nn.init.normal_(module.weight, 0.0, fan_in**-0.5)
        elif isinstance(module, nn.BatchNorm2d):
            nn.init.normal_(module.running_mean, 0.0, 0.1)
            nn.init.uniform_(module.running_var, 0.5, 1.5)
    return model.eval()


def ours(model: SSD) -> SSDLite:
    found = detector_of(model.state_dict())
    assert found is not None
    built = found.build()
    assert isinstance(built, SSDLite)
    return built


@torch.no_grad()
def test_torchvisions_answers_and_boxes() -> None:
    model = theirs().double()
    mine, x = ours(model).double(), torch.rand(2, 3, 320, 320, dtype=torch.float64)
    expected = model.head(list(model.backbone(2 * x - 1).values()))
    answers = mine(2 * x - 1)
    torch.testing.assert_close(answers[..., :-4], expected["cls_logits"])
    torch.testing.assert_close(answers[..., -4:], expected["bbox_regression"])
    model.score_thresh, model.nms_thresh, model.detections_per_img = 0.2, 0.55, 50
    corners, scores = mine.decode(answers, mine.places((320, 320)))
    for picture, boxes, values in zip(model(list(x)), corners, scores, strict=True):
        found = select(boxes, values, (320, 320), least=0.2, overlap=0.55, most=50)
        seen = picture["boxes"]
        real = (seen[:, 2:] > seen[:, :2]).all(1)  # theirs may lie outside the picture
        assert len(found.scores) > 5
        count = min(len(found.scores), int(real.sum()))
        torch.testing.assert_close(found.corners[:count], seen[real][:count], rtol=0, atol=1e-4)
        torch.testing.assert_close(found.scores[:count], picture["scores"][real][:count])
        assert found.classes[:count].tolist() == (picture["labels"][real][:count] - 1).tolist()


def test_its_params_are_those_that_torchvision_states() -> None:
    with torch.device("meta"):
        model = create_model(
            "mobilenet_v3_large_x1_0", detector="ssdlite", reduced_tail=True, num_classes=90
        )
    assert sum(weight.numel() for weight in model.parameters()) == 3_440_060


# Network, reduced tail, and params and MACs in millions: counted, and printed in MobileNetV2's and
# V3's Table 6 each, whose first map has three anchors a place where all have six here.
PAPERS = (
    ("mobilenet_v2_x1_0", False, 4_484_148, 847_582_144, 4.3, 800),
    ("mobilenet_v3_large_x1_0", False, 5_031_140, 666_887_744, 4.97, 620),
    ("mobilenet_v3_large_x1_0", True, 3_301_460, 563_188_544, 3.22, 510),
    ("mobilenet_v3_small_x1_0", False, 2_479_316, 231_906_496, 2.49, 210),
    ("mobilenet_v3_small_x1_0", True, 1_764_068, 185_520_064, 1.77, 160),
)


@pytest.mark.parametrize(("name", "reduced", "params", "macs", "printed", "of_macs"), PAPERS)
def test_its_cost_beside_the_papers(
    name: str, reduced: bool, params: int, macs: int, printed: float, of_macs: int
) -> None:
    options = {"reduced_tail": True} if reduced else {}
    with torch.device("meta"):
        model = create_model(name, detector="ssdlite", num_classes=80, **options).eval()
    found = cost(model, (1, 3, 320, 320))
    assert (found.params, found.macs) == (params, macs)
    assert found.params / 1e6 == pytest.approx(printed, rel=0.05)
    assert 0 < found.macs / 1e6 - of_macs < 60


@pytest.mark.parametrize("size", [(320, 320), (96, 200), (65, 127)])
def test_anchors_are_torchvisions(size: tuple[int, int]) -> None:
    mine, model = create_model("shufflenet_v2_x0_5", detector="ssdlite", num_classes=2), theirs()
    maps = [
        torch.empty(1, 0, -(-size[0] // stride), -(-size[1] // stride)) for stride in mine.strides
    ]
    picture = ImageList(torch.empty(1, 0, *size), [size])
    torch.testing.assert_close(mine.places(size), model.anchor_generator(picture, maps)[0])


@pytest.mark.parametrize("size", [(64, 96), (65, 127)])
def test_in_training_anchors_stand_behind_the_answers(size: tuple[int, int]) -> None:
    model = create_model("shufflenet_v2_x0_5", detector="ssdlite", num_classes=2).train()
    x = torch.randn(2, 3, *size)
    answers = model(x)
    places = model.places(size)
    assert len(places) % ANCHORS == 0
    assert answers.shape == (2, len(places), 1 + 2 + 4 + 4)
    assert torch.equal(answers[1, :, -4:], places)
    answers[..., :-4].pow(2).sum().backward()
    still = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.any()]
    assert still == []
    assert model.eval()(x).shape == (2, len(places), 7)


def test_no_class_is_refused() -> None:
    with pytest.raises(MartletError, match=r"^num_classes=0 is too small; give 1 or more\.$"):
        create_model("shufflenet_v2_x0_5", detector="ssdlite", num_classes=0)
