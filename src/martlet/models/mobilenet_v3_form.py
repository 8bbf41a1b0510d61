"""Tables 1 and 2 of MobileNetV3 (arXiv 1905.02244), and what its options make of them.

See mobilenet_v3.py.
"""

from dataclasses import dataclass
from math import inf
from typing import Literal, NamedTuple

from martlet.errors import MartletError
from martlet.ops.attention import Attention
from martlet.ops.conv import make_divisible

Size = Literal["large", "small"]
Scaling = Literal["authors", "torchvision"]
TAIL = 3  # blocks at the last resolution


class Block(NamedTuple):
    """A row "bneck" of Tables 1 and 2."""

    kernel: int
    expansion: int  # channels of the depthwise convolution
    out: int
    squeeze: bool
    act: str
    stride: int
    dilation: int = 1


# fmt: off
BLOCKS = {
    "large": (
        Block(3, 16, 16, False, "RE", 1), Block(3, 64, 24, False, "RE", 2),
        Block(3, 72, 24, False, "RE", 1), Block(5, 72, 40, True, "RE", 2),
        Block(5, 120, 40, True, "RE", 1), Block(5, 120, 40, True, "RE", 1),
        Block(3, 240, 80, False, "HS", 2), Block(3, 200, 80, False, "HS", 1),
        Block(3, 184, 80, False, "HS", 1), Block(3, 184, 80, False, "HS", 1),
        Block(3, 480, 112, True, "HS", 1), Block(3, 672, 112, True, "HS", 1),
        Block(5, 672, 160, True, "HS", 2), Block(5, 960, 160, True, "HS", 1),
        Block(5, 960, 160, True, "HS", 1),
    ),
    "small": (
        Block(3, 16, 16, True, "RE", 2), Block(3, 72, 24, False, "RE", 2),
        Block(3, 88, 24, False, "RE", 1), Block(5, 96, 40, True, "HS", 2),
        Block(5, 240, 40, True, "HS", 1), Block(5, 240, 40, True, "HS", 1),
        Block(5, 120, 48, True, "HS", 1), Block(5, 144, 48, True, "HS", 1),
        Block(5, 288, 96, True, "HS", 2), Block(5, 576, 96, True, "HS", 1),
        Block(5, 576, 96, True, "HS", 1),
    ),
}
# fmt: on


@dataclass(frozen=True)
class Form:
    """The options of `build`."""

    small_input: bool = False  # the first two strides of 2 are 1
    attention: Attention | None = None
    reduced_tail: bool = False
    dilated: bool = False
    scaling: Scaling = "authors"
    bn_eps: float = 1e-3
    squeeze: bool = True  # where the table has it
    hardswish: bool = True  # likewise
    hardswish_from: int | None = None  # output channels of the first block that has it

    def __post_init__(self) -> None:
        if not 0.0 < self.bn_eps < inf:
            raise MartletError(f"bn_eps={self.bn_eps} is not accepted; give a number above 0.")
        if self.hardswish_from is not None and self.hardswish_from < 1:
            raise MartletError(
                f"hardswish_from={self.hardswish_from} is not accepted; give 1 or more channels."
            )
        if self.hardswish_from is not None and not self.hardswish:
            raise MartletError(
                f"hardswish_from={self.hardswish_from} and hardswish=False contradict each other; "
                "give one of them."
            )

    def table(self, size: Size, minimalistic: bool) -> list[Block]:
        """The rows of the table of this size in this form."""
        rows = list(BLOCKS[size])
        if minimalistic:
            rows = [row._replace(kernel=3, squeeze=False, act="RE") for row in rows]
        if not self.squeeze:
            rows = [row._replace(squeeze=False) for row in rows]
        rows = [row._replace(act=self.act(row)) for row in rows]
        if self.small_input:
            first = next(number for number, row in enumerate(rows) if row.stride == 2)
            rows[first] = rows[first]._replace(stride=1)
        for number in range(len(rows) - TAIL, len(rows)):
            row = rows[number]
            if self.dilated:
                row = row._replace(dilation=2)
            if self.reduced_tail:  # the first of them expands what is not halved
                halved = row.expansion if row.stride == 2 else row.expansion // 2
                row = row._replace(expansion=halved, out=row.out // 2)
            rows[number] = row
        return rows

    def act(self, row: Block) -> str:
        """The activation of a row of the table, or of the stem."""
        if not self.hardswish:
            return "RE"
        if self.hardswish_from is None:
            return row.act
        return "HS" if row.out >= self.hardswish_from else "RE"

    def expansion(self, expansion: int, base: int, channels: int, width: float) -> int:
        """Channels of a depthwise convolution behind `channels`, which are `base` at width 1."""
        if self.scaling == "torchvision":
            return make_divisible(expansion * width)
        return make_divisible(channels * expansion / base)

    def kept(self, channels: int, width: float) -> int:
        """`channels` of the first convolution or the head, which stay below width 1."""
        return make_divisible(
            channels * (width if self.scaling == "torchvision" else max(1, width))
        )
