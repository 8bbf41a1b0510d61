"""Detectors: a network of the table as backbone, a neck over its levels, and a head for boxes.

To add one, write its file in this folder and name it in DETECTORS.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from martlet.errors import unknown
from martlet.models.detectors.detector import LEVELS, Detector
from martlet.models.detectors.lite import Lite

if TYPE_CHECKING:
    from martlet.models.features import FeatureExtractor

DETECTORS: dict[str, "Callable[[FeatureExtractor, int], Detector]"] = {"lite": Lite}

DETECTOR = "lite"  # where none is asked for

__all__ = ["DETECTOR", "DETECTORS", "LEVELS", "Detector", "Lite", "make_detector"]


def make_detector(name: str, backbone: "FeatureExtractor", num_classes: int) -> Detector:
    """The detector of this name on a backbone that gives LEVELS levels.

    Raises MartletError with the closest names when there is none.
    """
    if name not in DETECTORS:
        raise unknown("detector", name, list(DETECTORS))
    return DETECTORS[name](backbone, num_classes)
