"""From a trained network to a verified file in another format."""

from martlet.exporting.fold import fold
from martlet.exporting.onnx import Exported, export_onnx
from martlet.exporting.verify import verify

__all__ = ["Exported", "export_onnx", "fold", "verify"]
