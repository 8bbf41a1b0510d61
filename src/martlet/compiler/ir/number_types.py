"""The types of the numbers that buffers hold at run time."""

from typing import Any

import numpy as np

NumberType = np.dtype[Any]
FLOAT32: NumberType = np.dtype(np.float32)
TRUTH: NumberType = np.dtype(np.bool_)


def stored_as(kind: NumberType) -> NumberType:
    """The type in which a tensor of this type lies in memory: truth values are 0 and 1 in float."""
    return FLOAT32 if kind == TRUTH else kind
