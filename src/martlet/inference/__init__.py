"""Load an exported network and predict, without torch."""

from martlet.inference.network import (
    FORMAT,
    KEY,
    Network,
    is_compiled,
    load,
)
from martlet.inference.onnx_session import open_onnx, open_session, reason
from martlet.tasks.prediction import Prediction, rank, softmax

__all__ = [
    "FORMAT",
    "KEY",
    "Network",
    "Prediction",
    "is_compiled",
    "load",
    "open_onnx",
    "open_session",
    "rank",
    "reason",
    "softmax",
]
