"""From a trained network to a verified file in another format."""

from martlet.exporting.fold import fold, fold_temperature
from martlet.exporting.formats import FORMATS, Exported, Format, export, export_onnx
from martlet.exporting.trained import Trained
from martlet.exporting.verify import verify

__all__ = [
    "FORMATS",
    "Exported",
    "Format",
    "Trained",
    "export",
    "export_onnx",
    "fold",
    "fold_temperature",
    "verify",
]
