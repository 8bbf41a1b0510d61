"""What each kind of kernels serves; a kernel of another number type or target is one more row.

Asked from top to bottom with (operator, number type, target): see `rules_for`.
"""

from martlet.compiler.lowering.channel_reduction import CHANNEL_REDUCTION_RULES
from martlet.compiler.lowering.context import Kernels
from martlet.compiler.lowering.generic_rules import GENERIC_RULES
from martlet.compiler.lowering.vector import VECTOR_RULES
from martlet.compiler.lowering.winograd import WINOGRAD_RULES

BY_TAPS = (
    Kernels("blocks of channels", VECTOR_RULES),
    Kernels("across channels, by place", CHANNEL_REDUCTION_RULES),
    Kernels("any rank and strides", GENERIC_RULES),
)
KERNELS = (
    Kernels("tiles of minimal filtering", WINOGRAD_RULES, serves=lambda target: target.lanes > 1),
    *BY_TAPS,
)
