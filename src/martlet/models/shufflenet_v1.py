"""ShuffleNet: An Extremely Efficient Convolutional Neural Network (arXiv 1707.01083v2).

Channels and repeats are those of Table 1, errors of Table 2, for 1.5x, 2x and 2x with
Squeeze-and-Excitation of Table 5. `shuffle=False` leaves the channel shuffle out (Table 3).

Differences from the paper and from the authors' code:

- The authors' code shuffles after the depthwise convolution, the paper before it; this is the
  paper. Their permutation is the inverse of the paper's: `inverse_shuffle=True`. With 3 groups, it
  is the same network with its channels in another order. Test: the order of the operations in a
  unit, outputs of the authors' network.
- Widths 0.25, 0.5, 1.5 and 2: the paper multiplies all channels and does not say how it rounds.
  Here stage 2 is rounded to a multiple of 4·groups, so that the bottleneck of a quarter of the
  channels still divides by the groups, and stages 3 and 4 double it. The first convolution is
  rounded to a multiple of the groups; at 1.5 it keeps 24 channels, as in the authors' code (only
  so are their 292M reached). Test: exact params, MACs against the table.
- At width 0.25 and all others below 0.5 it keeps the 12 channels of 0.5, or 8 with eight groups,
  which do not divide 12. The paper states only the 13M, and these fit 12: plain quarters of
  Table 1's channels then cost 13.0M or 13.1M with up to four groups, and 10.7M to 10.9M with the 6
  of a quarter. PyTorchCV has 6: `stem=6`. Test: exact params, PyTorchCV's outputs.
- The linear layer has a bias; the authors' code has none. Test: exact params.
- A unit of stride 2 puts the pooled input first, as the authors' code does; PyTorchCV puts the
  branch first: `pool_first=False`. Test: PyTorchCV's outputs.
- The average pool of a stride-2 unit counts the zeros of its padding, as in the authors' code; the
  paper does not say. Test: the border of a stride-2 unit.
- Attention sits at the end of the branch, before the addition or concatenation; the paper does not
  say where. With r=16 and biases this gives the 2.4M params of SENet's Table 3. Test: exact params,
  a unit by its formula.

Any other width of these groups: `create_model("shufflenet_v1_g3_x0_75")` is width 0.75.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.shufflenet_v1_unit import ShuffleUnit
from martlet.models.spec import NOT_PRINTED, Printed, Spec
from martlet.models.widths import counted, width_in
from martlet.ops.attention import Attention, AttentionOption
from martlet.ops.conv import ConvBNAct, initialise

STEM, STAGE2 = 24, {1: 144, 2: 200, 3: 240, 4: 272, 8: 384}  # Table 1; stage 2 by groups
PYTORCHCV = {"x0_5": "wd2", "x1_0": "w1"}  # its names for the widths
REPEATS = (4, 8, 4)  # units of stages 2, 3 and 4; the first of each has stride 2


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """One network of Table 2 or 5."""

    groups: int
    stem: int  # output channels of the first convolution
    stages: tuple[int, int, int]  # output channels
    repeats: tuple[int, int, int] = REPEATS
    attention: Attention | None = None


def _row(
    width: str,
    groups: int,
    stem: int,
    stage2: int,
    params: int,
    macs: int,
    paper: Printed = NOT_PRINTED,
    note: str = "",
) -> Variant:
    in_pytorchcv = width in PYTORCHCV and (groups in (1, 3) or width == "x1_0")
    return Variant(
        f"shufflenet_v1_g{groups}_{width}",
        params,
        macs,
        groups=groups,
        stem=stem,
        stages=(stage2, 2 * stage2, 4 * stage2),
        paper=paper,
        note=note,
        aliases=(f"shufflenet_g{groups}_{PYTORCHCV[width]}",) if in_pytorchcv else (),
    )


_quarter = partial(Printed, "13M", None, source="Table 2", with_classifier=False)
_half = partial(Printed, "38M", None, source="Table 2")


def _table1(macs: str, error: float) -> Printed:
    return Printed(macs, None, error, "Tables 1 and 2", with_classifier=False)


_DOWN = "the table's 13M stands for all groups; stage 2 is rounded down to {} channels here"
_EIGHT = "8 channels first, as eight groups do not divide the 12 that 13M fits; 16 would cost 15.3M"
_ALL = "the table's 38M stands for all groups; without its classifier this one has 38.2M"
_ROUNDED = "the table's 38M stands for all groups; stage 2 is rounded up to {} channels here"
_README = "the table's 38M stands for all groups; the authors' code states 40M for this one"

# fmt: off
VARIANTS = (
    _row("x0_25", 1, 12, 36, 209_908, 13_162_320, _quarter(57.1)),
    _row("x0_25", 2, 12, 48, 253_732, 12_638_784, _quarter(56.8), _DOWN.format(48)),
    _row("x0_25", 3, 12, 60, 306_124, 13_300_656, _quarter(55.0)),
    _row("x0_25", 4, 12, 64, 315_004, 12_323_328, _quarter(54.2), _DOWN.format(64)),
    _row("x0_25", 8, 8, 96, 454_504, 12_426_240, _quarter(52.7), _EIGHT),
    _row("x0_5", 1, 12, 72, 534_484, 38_517_408, _half(45.1), _ALL),
    _row("x0_5", 2, 12, 104, 678_520, 40_906_464, _half(44.4), _ROUNDED.format(104)),
    _row("x0_5", 3, 12, 120, 718_324, 37_589_856, _half(43.2)),
    _row("x0_5", 4, 12, 144, 835_984, 40_710_528, _half(41.6), _ROUNDED.format(144)),
    _row("x0_5", 8, 16, 192, 1_011_448, 40_469_760, _half(42.3), _README),
    _row("x1_0", 1, 24, 144, 1_531_936, 143_078_976, _table1("143M", 33.6)),
    _row("x1_0", 2, 24, 200, 1_733_848, 140_836_512, _table1("140M", 32.7)),
    _row("x1_0", 3, 24, 240, 1_865_728, 137_460_672, _table1("137M", 32.6)),
    _row("x1_0", 4, 24, 272, 1_968_344, 134_339_776, _table1("133M", 32.8)),
    _row("x1_0", 8, 24, 384, 2_434_768, 138_365_952, _table1("137M", 32.4)),
    _row("x1_5", 1, 24, 216, 2_993_032, 308_096_352),
    _row("x1_5", 2, 24, 304, 3_342_000, 308_992_448),
    _row("x1_5", 3, 24, 360, 3_442_168, 292_443_552, Printed("292M", None, 28.5, "Table 5")),
    _row("x1_5", 4, 24, 416, 3_679_712, 295_086_976),
    _row("x1_5", 8, 24, 576, 4_269_952, 290_188_800),
    _row("x2_0", 1, 48, 288, 4_918_744, 550_334_592),
    _row("x2_0", 2, 48, 400, 5_257_896, 539_138_624),
    _row("x2_0", 3, 48, 480, 5_450_776, 524_045_184, Printed("524M", None, 26.3, "Table 5")),
    _row("x2_0", 4, 48, 544, 5_593_528, 510_289_536),
    _row("x2_0", 8, 48, 768, 6_522_232, 521_942_016),
    Variant("se_shufflenet_v1_g3_x2_0", 7_910_083, 526_487_712, groups=3, stem=48,
            stages=(480, 960, 1920), attention=Attention("se"),
            paper=Printed("527M", None, 24.7, "Table 5")),
)
# fmt: on


class Table1(ImageClassifier):
    """The frame of Table 1 for any unit; attribute names are the table's layer names.

    `stages` are output channels, `unit` makes a unit of input channels, output channels and stride.
    """

    def __init__(
        self,
        variant: Spec,
        in_chans: int,
        small_input: bool,
        *,
        stem: int,
        stages: Sequence[int],
        repeats: Sequence[int] = REPEATS,
        unit: Callable[[int, int, int], nn.Module],
    ) -> None:
        super().__init__(variant, in_chans, small_input)
        self.conv1 = ConvBNAct(in_chans, stem, 3, stride=1 if small_input else 2, act=nn.ReLU)
        self.maxpool = nn.Identity() if small_input else nn.MaxPool2d(3, stride=2, padding=1)
        made, channels = [], stem
        for width, count in zip(stages, repeats, strict=True):
            units = [unit(channels, width, 2)]
            units += [unit(width, width, 1) for _ in range(count - 1)]
            made.append(nn.Sequential(*units))
            channels = width
        self.stage2, self.stage3, self.stage4 = made
        self.num_features = channels
        initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # (batch, stem, 56, 56) for a picture of 224 × 224
        x = self.stage2(x)  # 28 × 28
        x = self.stage3(x)  # 14 × 14
        features: Tensor = self.stage4(x)  # 7 × 7
        return features


class ShuffleNetV1(Table1):
    """Table 1 with its own units; `options` are ShuffleUnit's."""

    def __init__(
        self, variant: Variant, in_chans: int = 3, small_input: bool = False, **options: Any
    ) -> None:
        def unit(in_channels: int, out_channels: int, stride: int) -> ShuffleUnit:
            few = in_channels == variant.stem  # so few that the first convolution is not grouped
            groups = 1 if few else variant.groups
            return ShuffleUnit(in_channels, out_channels, stride, variant.groups, groups, **options)

        super().__init__(
            variant,
            in_chans,
            small_input,
            stem=variant.stem,
            stages=variant.stages,
            repeats=variant.repeats,
            unit=unit,
        )


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    shuffle: bool = True,
    inverse_shuffle: bool = False,
    pool_first: bool = True,
    stem: int | None = None,
    attention: AttentionOption = None,
) -> ShuffleNetV1:
    """The network of a row with fresh weights.

    `attention` and `stem`, the channels of the first convolution, stand for the row's own. Raises
    MartletError for a stem that leaves stage 2's branch no channels, or some that the groups do
    not divide.
    """
    if stem is not None:
        most = variant.stages[0] - variant.groups
        if not 1 <= stem <= most or (variant.stages[0] - stem) % variant.groups:
            raise MartletError(
                f"stem={stem} does not fit {variant.name}; give a multiple of {variant.groups}, "
                f"its groups, from {variant.groups} to {most}."
            )
        variant = replace(variant, stem=stem)
    chosen = variant.attention if attention is None else Attention.of(attention)
    return ShuffleNetV1(
        variant,
        in_chans,
        small_input,
        shuffle=shuffle,
        inverse_shuffle=inverse_shuffle,
        pool_first=pool_first,
        attention=chosen,
    )


def other_width(name: str) -> Variant | None:
    """The row for a name such as "shufflenet_v1_g3_x0_75"; None when it is not of this form."""
    for groups, base in STAGE2.items():
        width = width_in(name, f"shufflenet_v1_g{groups}")
        if width is not None:
            row = _row("", groups, _stem(width, groups), _rounded(base * width, 4 * groups), 0, 0)
            row = replace(row, name=name)
            return counted(row, build)
    return None


def _stem(width: float, groups: int) -> int:
    """Output channels of the first convolution."""
    if width < 0.5:
        return STEM // 2 // groups * groups
    return _rounded(STEM * (1 if 1 < width < 2 else width), groups)


def _rounded(channels: float, divisor: int) -> int:
    """The closest multiple of `divisor`, the greater of two, and never none."""
    return max(1, int(channels / divisor + 0.5)) * divisor
