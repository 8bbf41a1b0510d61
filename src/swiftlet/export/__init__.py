"""From a trained network to a verified file in another format."""

from swiftlet.export.fold import fold
from swiftlet.export.onnx import Exported, export_onnx
from swiftlet.export.verify import verify

__all__ = ["Exported", "export_onnx", "fold", "verify"]
