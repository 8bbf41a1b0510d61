"""Files of torchvision's detectors: recognised, converted, gone on from; others are not taken."""

from pathlib import Path

import pytest
import torch
from tests.models.detectors.test_ssdlite import theirs
from tests.workflows.train.fields.test_boxes import squares, trained
from torch import Tensor
from torchvision.models.detection import (
    FasterRCNN_MobileNet_V3_Large_FPN_Weights,
    fasterrcnn_mobilenet_v3_large_fpn,
    fasterrcnn_resnet50_fpn_v2,
)
from torchvision.ops.misc import FrozenBatchNorm2d

import martlet
from martlet.errors import MartletError
from martlet.models.detectors import SSDLite
from martlet.models.weights.torchvision_detectors import categories, detector_of

__all__ = ["squares"]  # a fixture


def test_cocos_names_have_their_numbers() -> None:
    names = categories()
    assert len(names) == len(set(names)) == 90
    assert (names[0], names[11], names[89]) == ("person", "N/A 12", "toothbrush")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "ssd.pth"
    torch.save(theirs(91).state_dict(), path)
    return path


def test_a_file_is_converted_and_predicts(file: Path, tmp_path: Path) -> None:
    made = martlet.convert(file, output=tmp_path / "ssd.safetensors")
    assert made.network == "mobilenet_v3_large_x1_0"
    assert made.options == {"detector": "ssdlite", "reduced_tail": True}
    assert (made.params, made.classes) == (3_440_060, 90)
    assert made.preprocess.mean == (0.5, 0.5, 0.5)
    model = martlet.load(made.path)
    assert isinstance(model, SSDLite)
    assert model.classes[:2] == ("person", "bicycle")


@pytest.mark.long
def test_training_goes_on_from_it(file: Path, squares: Path, tmp_path: Path) -> None:
    run = trained(squares, tmp_path, model=None, pretrained=file, epochs=1)
    model = martlet.load(run.folder)
    assert isinstance(model, SSDLite)
    assert model.classes == ("blue", "red")
    assert model.strides[0] == 16
    with pytest.raises(MartletError, match=r"holds the detector ssdlite, not lite; leave --detec"):
        trained(squares, tmp_path, model=None, pretrained=file, detector="lite", name="b")


def frozen(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """As torchvision's file of COCO has it: frozen norm counts nothing, and older names."""
    found = {}
    for key, tensor in state.items():
        if "backbone.body" in key and key.endswith("num_batches_tracked"):
            continue
        key = key.replace("rpn.head.conv.0.0", "rpn.head.conv")
        if "fpn" in key:
            key = key.replace(".0.weight", ".weight").replace(".0.bias", ".bias")
        found[key] = tensor
    return found


def test_older_names_and_frozen_norm() -> None:
    model = fasterrcnn_mobilenet_v3_large_fpn(weights=None, weights_backbone=None, num_classes=3)
    found = detector_of(frozen(model.state_dict()))
    assert found is not None
    assert found.options == {"detector": "faster_rcnn_mobile", "bn_eps": FrozenBatchNorm2d(1).eps}
    assert (found.num_classes, found.in_chans) == (2, 3)
    assert len(FasterRCNN_MobileNet_V3_Large_FPN_Weights.COCO_V1.meta["categories"]) == 91


@pytest.mark.long
def test_what_is_no_such_detector() -> None:
    state = fasterrcnn_resnet50_fpn_v2(
        weights=None, weights_backbone=None, num_classes=3
    ).state_dict()
    assert detector_of(state) is None
    assert detector_of({"classifier.weight": torch.zeros(2, 3)}) is None
    cut = dict(theirs().state_dict())
    del cut["backbone.extra.0.0.0.weight"]
    assert detector_of(cut) is None
