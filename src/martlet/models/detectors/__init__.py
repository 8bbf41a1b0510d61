"""Detectors: a network of the table as backbone, a neck over its levels, and a head for boxes.

To add one, write its file in this folder, name it in DETECTORS, and its loss in LOSSES of
tasks/detection/task.py.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from martlet.errors import unknown
from martlet.models.detectors.detector import LEVELS, Detector
from martlet.models.detectors.lite import Lite
from martlet.models.detectors.ssdlite import SSDLite
from martlet.models.features import FeatureExtractor

if TYPE_CHECKING:
    from martlet.models.classifier import ImageClassifier


def _faster_rcnn(network: "ImageClassifier", num_classes: int) -> Detector:
    from martlet.models.detectors.faster_rcnn import FasterRCNN  # loads torchvision's detectors

    return FasterRCNN(network, num_classes)


def _faster_rcnn_mobile(network: "ImageClassifier", num_classes: int) -> Detector:
    from martlet.models.detectors.faster_rcnn import FasterRCNNMobile

    return FasterRCNNMobile(network, num_classes)


DETECTORS: dict[str, "Callable[[ImageClassifier, int], Detector]"] = {
    "lite": lambda network, classes: Lite(FeatureExtractor(network, LEVELS), classes),
    "ssdlite": SSDLite,
    "faster_rcnn": _faster_rcnn,
    "faster_rcnn_mobile": _faster_rcnn_mobile,
}

DETECTOR = "lite"  # where none is asked for
# Where it is not that of the kind of data: steps of Muon have one size, too large for layers that
# no norm follows.
OPTIMIZERS = {"faster_rcnn": "sgd", "faster_rcnn_mobile": "sgd"}

__all__ = [
    "DETECTOR",
    "DETECTORS",
    "LEVELS",
    "OPTIMIZERS",
    "Detector",
    "Lite",
    "SSDLite",
    "make_detector",
]


def make_detector(name: str, network: "ImageClassifier", num_classes: int) -> Detector:
    """The detector of this name with the network as backbone, whose modules it takes.

    Raises MartletError with the closest names when there is none.
    """
    if name not in DETECTORS:
        raise unknown("detector", name, list(DETECTORS))
    return DETECTORS[name](network, num_classes)
