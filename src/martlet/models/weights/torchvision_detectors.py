"""torchvision's detectors: its SSDLite and Faster R-CNN of phones, and Faster R-CNN on ResNets.

Their backbones have the names of torchvision's networks of classes, their heads nearly ours. What
torchvision froze of batch norm has an epsilon of 1e-5; its COCO weights for ResNet-50 had 0, which
differs where a variance is as small.
"""

import re
from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from martlet.models.weights.renaming import (
    Converted,
    Family,
    Rule,
    State,
    conv_bn,
    misfits,
    rename,
)
from martlet.models.weights.torchvision import MOBILENET_V3, RESNET

LARGE = "mobilenet_v3_large_x1_0"
SPLIT = 13  # the block of `LARGE` whose expansion SSDLite takes
RESNETS = ("resnet50", "resnet18", "resnet34", "resnet101", "resnet152")
IMAGENET: dict[str, Any] = {}  # a Preprocess has torchvision's values
HALF = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
COCO = 90  # classes, with the gaps of its numbers

SSD_RULES: tuple[Rule, ...] = (
    *conv_bn(r"backbone\.(extra\.\d+\.\d+)\.", "0", "1", r"\1"),
    *conv_bn(r"head\.classification_head\.module_list\.(\d+)\.0\.", "0", "1", r"classes_of.\1.0"),
    (r"head\.classification_head\.module_list\.(\d+)\.1", r"classes_of.\1.1"),
    *conv_bn(r"head\.regression_head\.module_list\.(\d+)\.0\.", "0", "1", r"moves_of.\1.0"),
    (r"head\.regression_head\.module_list\.(\d+)\.1", r"moves_of.\1.1"),
)
FASTER_RULES: tuple[Rule, ...] = (
    # Older files have the convolutions themselves where newer ones have blocks of them.
    (r"backbone\.(fpn\.\w+_blocks\.\d+)(?:\.0)?", r"\1.0"),
    (r"(rpn\.head\.conv)(?:\.0\.0)?", r"\1.0.0"),
    (r"(rpn\.head\.(?:cls_logits|bbox_pred))", r"\1"),
    (r"(roi_heads\.box_(?:head|predictor)\.\w+)", r"\1"),
)


def detector_of(state: State) -> Converted | None:
    """The detector whose tensors these are, None where they are of no detector of torchvision's."""
    for found in _possible(state):
        network = _on_meta(found)
        expected = network.state_dict()
        for key, tensor in expected.items():
            if key.endswith("num_batches_tracked"):  # frozen batch norm lacks it
                found.state.setdefault(key, torch.zeros(tensor.shape, dtype=tensor.dtype))
        if not misfits(found.state, expected):
            return found
    return None


def categories() -> list[str]:
    """COCO's names, by their numbers from 1 to 90; numbers that nothing has are "N/A 12", …."""
    from torchvision.models.detection import SSDLite320_MobileNet_V3_Large_Weights as Weights

    names = Weights.COCO_V1.meta["categories"][1:]
    return [f"N/A {n}" if name == "N/A" else name for n, name in enumerate(names, 1)]


def _possible(state: State) -> Iterator[Converted]:
    if "head.classification_head.module_list.0.1.weight" in state:
        body = _renamed(_body_of_ssd(state), MOBILENET_V3)
        head = _renamed(state, Family((), SSD_RULES))
        classes = len(state["head.classification_head.module_list.0.1.weight"]) // 6 - 1
        for tail in ({"reduced_tail": True}, {}):
            options: dict[str, Any] = {"detector": "ssdlite", **tail}
            yield _made(LARGE, classes, options, body, head, {"size": 320, **HALF})
    elif "roi_heads.box_predictor.cls_score.weight" in state:
        own = {
            key.removeprefix("backbone.body."): tensor
            for key, tensor in state.items()
            if key.startswith("backbone.body.")
        }
        head = _renamed(state, Family((), FASTER_RULES))
        classes = len(state["roi_heads.box_predictor.cls_score.weight"]) - 1
        features = {f"features.{key}": tensor for key, tensor in own.items()}
        body = _renamed(features, MOBILENET_V3)
        # Its batch norm, frozen or not, has torch's own epsilon, not that of the network.
        options = {"detector": "faster_rcnn_mobile", "bn_eps": 1e-5}
        yield _made(LARGE, classes, options, body, head, {"size": 320, **IMAGENET})
        for name in RESNETS:
            options = {"detector": "faster_rcnn"}
            body = _renamed(own, RESNET)
            yield _made(name, classes, options, body, head, {"size": 800, **IMAGENET})


def _body_of_ssd(state: State) -> dict[str, Tensor]:
    """The backbone by the names of torchvision's network of classes: it was cut in a block."""
    found = {}
    for key, tensor in state.items():
        if match := re.match(rf"backbone\.features\.0\.{SPLIT}\.(.*)", key):
            found[f"features.{SPLIT}.block.0.{match[1]}"] = tensor
        elif match := re.match(r"backbone\.features\.0\.(.*)", key):
            found[f"features.{match[1]}"] = tensor
        elif match := re.match(r"backbone\.features\.1\.0\.(.*)", key):
            found[f"features.{SPLIT}.block.{match[1]}"] = tensor
        elif match := re.match(r"backbone\.features\.1\.(\d+)\.(.*)", key):
            found[f"features.{SPLIT + int(match[1])}.{match[2]}"] = tensor
    return found


def _renamed(state: State, family: Family) -> dict[str, Tensor]:
    return rename(state, family)[0]


def _made(
    name: str,
    classes: int,
    options: dict[str, Any],
    body: State,
    head: State,
    preprocess: dict[str, Any],
) -> Converted:
    tensors = {f"backbone.{key}": tensor for key, tensor in body.items()} | dict(head)
    tensors = {k: t.float() if t.is_floating_point() else t for k, t in tensors.items()}
    channels = next((t.shape[1] for t in tensors.values() if t.dim() == 4), 3)
    return Converted(name, classes, channels, options, tensors, preprocess)


def _on_meta(found: Converted) -> torch.nn.Module:
    with torch.device("meta"):
        return found.fresh()
