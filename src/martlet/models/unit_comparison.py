"""Five kinds of unit at the same cost: Table 4 of ShuffleNet V1 (arXiv 1707.01083v2).

All stand in the frame of its Table 1: a first convolution, a max-pool, and stages of 4, 8 and 4
units, each of which halves the map first and has twice the channels of the one before. The paper
prints the errors, and for 38M the channels of stage 4 of each network; those are met here.

Differences from the paper and what it leaves open:

- The frame is the one with which the printed channels of stage 4 cost the printed 38M, convolutions
  alone as in Table 1: a first convolution of 24 channels at 140M and of 12 below; a projection as
  the shortcut of a residual unit that halves the map; the stride in its 3×3 convolution. ResNet's
  192 and ResNeXt's 192 channels then cost 37.9M and 38.1M; 35.1M and 34.8M if the pooled input were
  concatenated as in ShuffleNet, 36.2M and 35.0M with the stride in the first 1×1, and 42.9M and
  43.2M with 24 channels first. Test: the frame, exact MACs.
- Widths at 140M and 13M, and of stages 2 and 3, are not printed. Stage 4 has the channels that come
  closest to the MACs, stages 3 and 2 a half and a quarter of them, rounded down. Test: a search.
- A ResNeXt unit's 16 groups must divide its bottleneck, which the paper's half of 48 channels in
  stage 2 does not allow. It is rounded to the nearest multiple of 16, ties down; ties up would cost
  44.3M. Test: the bottlenecks.
- ShuffleNet has 576 channels and four groups at 38M as printed, and costs 40.1M so; 13M is not met
  with eight groups, since only every 32nd width of stage 2 is possible, and its first convolution
  has 8 channels there. These are the networks of shufflenet_v1.py. Test: their outputs.
- The Xception-like unit is ShuffleNet's with one group, as the paper says; at all three levels it
  makes the network of shufflenet_v1.py. Test: their outputs.
- The VGG-like network is printed at 140M only; the others of its kind are this project's.
"""

from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

from martlet.models.shufflenet_v1 import Table1
from martlet.models.shufflenet_v1_unit import ShuffleUnit
from martlet.models.spec import Printed, Spec
from martlet.ops.conv import ConvBNAct, pointwise

CARDINALITY = 16  # groups of a ResNeXt unit's 3×3 convolution

Kind = Literal["vgg", "resnet", "xception", "resnext", "shufflenet"]


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A cell of Table 4."""

    kind: Kind
    stem: int  # output channels of the first convolution
    stage4: int  # output channels; stages 3 and 2 have a half and a quarter
    groups: int = 1  # of a ShuffleNet unit


def _row(
    kind: Kind,
    level: str,
    error: float | None,
    stem: int,
    stage4: int,
    params: int,
    macs: int,
    note: str = "",
    groups: int = 1,
) -> Variant:
    return Variant(
        f"units_{kind}_{level.lower()}",
        params,
        macs,
        kind=kind,
        stem=stem,
        stage4=stage4,
        groups=groups,
        paper=Printed(level, None, error, "Table 4", with_classifier=False),
        note=note,
    )


_NEAREST = "{} channels in stage 4 come closest; {} would have {}M without the classifier"
_VGG = _NEAREST.format(98, 100, 144.7)
_RESNET = _NEAREST.format(384, 368, 132.7)
_RESNEXT = _NEAREST.format(360, 352, 130.0)
_ONE = "ShuffleNet with one group, for which Table 1 prints 143M"
_FULL = "ShuffleNet with eight groups, for which Table 1 prints 137M"
_FOUR = "the printed 576 channels of stage 4 cost 40.1M with four groups, 512 would cost 32.9M"
_EIGHT = "eight groups leave few widths; 512 channels in stage 4 would cost 18.4M"

# fmt: off
VARIANTS = (
    _row("vgg", "140M", 50.7, 24, 98, 1_127_677, 138_110_714, _VGG),
    _row("vgg", "38M", None, 12, 50, 319_333, 37_578_218),
    _row("vgg", "13M", None, 12, 26, 100_339, 13_221_602),
    _row("resnet", "140M", 37.3, 24, 384, 1_446_304, 143_987_712, _RESNET),
    _row("resnet", "38M", 48.8, 12, 192, 461_428, 38_125_056),
    _row("resnet", "13M", 63.7, 12, 96, 166_012, 12_853_248),
    _row("xception", "140M", 33.6, 24, 576, 1_531_936, 143_078_976, _ONE),
    _row("xception", "38M", 45.1, 12, 288, 534_484, 38_517_408),
    _row("xception", "13M", 57.1, 12, 144, 209_908, 13_162_320),
    _row("resnext", "140M", 33.3, 24, 360, 1_350_036, 144_979_776, _RESNEXT),
    _row("resnext", "38M", 46.0, 12, 192, 471_332, 38_313_216),
    _row("resnext", "13M", 65.2, 12, 96, 163_252, 13_069_632),
    _row("shufflenet", "140M", 32.4, 24, 1536, 2_434_768, 138_365_952, _FULL, groups=8),
    _row("shufflenet", "38M", 41.6, 12, 576, 835_984, 40_710_528, _FOUR, groups=4),
    _row("shufflenet", "13M", 52.7, 8, 384, 454_504, 12_426_240, _EIGHT, groups=8),
)
# fmt: on


class VGGUnit(nn.Sequential):
    """Two 3×3 convolutions, each batch-normalised, the first with the stride."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__(
            ConvBNAct(in_channels, out_channels, 3, stride=stride, act=nn.ReLU),
            ConvBNAct(out_channels, out_channels, 3, act=nn.ReLU),
        )


class ResidualUnit(nn.Module):
    """1×1 to the bottleneck, 3×3 with the stride, 1×1 from it, added to the shortcut."""

    def __init__(
        self, in_channels: int, out_channels: int, stride: int, bottleneck: int, groups: int = 1
    ) -> None:
        super().__init__()
        self.compress = pointwise(in_channels, bottleneck, act=nn.ReLU)
        self.spatial = ConvBNAct(
            bottleneck, bottleneck, 3, stride=stride, groups=groups, act=nn.ReLU
        )
        self.expand = pointwise(bottleneck, out_channels)
        self.shortcut: nn.Module | None = None
        if stride == 2:
            self.shortcut = ConvBNAct(in_channels, out_channels, stride=2)

    def forward(self, x: Tensor) -> Tensor:
        branch = self.expand(self.spatial(self.compress(x)))
        shortcut = x if self.shortcut is None else self.shortcut(x)
        return F.relu(branch + shortcut, inplace=True)


def unit(variant: Variant, in_channels: int, out_channels: int, stride: int) -> nn.Module:
    """The row's unit; its stage ends in maps of `out_channels`."""
    if variant.kind == "vgg":
        return VGGUnit(in_channels, out_channels, stride)
    if variant.kind == "resnet":
        return ResidualUnit(in_channels, out_channels, stride, out_channels // 4)
    if variant.kind == "resnext":
        bottleneck = half_in_groups(out_channels)
        return ResidualUnit(in_channels, out_channels, stride, bottleneck, CARDINALITY)
    first_groups = 1 if in_channels == variant.stem else variant.groups  # as in shufflenet_v1.py
    return ShuffleUnit(in_channels, out_channels, stride, variant.groups, first_groups)


def half_in_groups(channels: int) -> int:
    """Half of the channels to the nearest multiple of CARDINALITY, ties down, at least one."""
    return max(1, ceil(channels / 2 / CARDINALITY - 0.5)) * CARDINALITY


def build(variant: Variant, *, in_chans: int, small_input: bool = False) -> Table1:
    """The network of a row with fresh weights: the frame of Table 1 with the row's units."""
    return Table1(
        variant,
        in_chans,
        small_input,
        stem=variant.stem,
        stages=[variant.stage4 // part for part in (4, 2, 1)],
        unit=partial(unit, variant),
    )
