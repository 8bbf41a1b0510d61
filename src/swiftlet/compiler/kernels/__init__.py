"""The kernels: for each operator the steps that do it, and the C text of the work."""

from swiftlet.compiler.kernels.convolution import conv, linear
from swiftlet.compiler.kernels.copying import copy
from swiftlet.compiler.kernels.mapwise import (
    average_pool,
    global_average,
    max_pool,
    multiply,
    unary,
)

RULES = {
    "Add": multiply,
    "AveragePool": average_pool,
    "Clip": unary,
    "Conv": conv,
    "Gemm": linear,
    "GlobalAveragePool": global_average,
    "HardSigmoid": unary,
    "HardSwish": unary,
    "MaxPool": max_pool,
    "Mul": multiply,
    "Relu": unary,
    "Sigmoid": unary,
    "Swish": unary,
}

__all__ = ["RULES", "copy"]
