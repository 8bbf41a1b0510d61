"""From a trained network to a verified file in another format."""

from swiftlet.exporting.fold import fold
from swiftlet.exporting.onnx import Exported, export_onnx
from swiftlet.exporting.verify import verify

__all__ = ["Exported", "export_onnx", "fold", "verify"]
