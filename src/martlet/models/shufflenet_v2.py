"""ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design (arXiv 1807.11164).

Channels and repeats are those of Table 5, errors of Table 8. There are two forms of the network:

- `shufflenet_v2_x*` is torchvision's: a unit splits its channels in halves and shuffles after the
  concatenation; at stride 2 each branch gives half of the output.
- `shufflenet_v2_authors_x*` is that of the authors' code: a unit splits even from odd channels,
  which is shuffle and split at once; at stride 2 the shortcut keeps its channels and the main
  branch makes up the rest. The paper's 146M, 299M and 591M MACs are those of this form. The rows
  `se_*` and `shufflenet_v2_detection_x*` (the paper's v2*, which sees further) have it too.

Differences from the paper and from the authors' code:

- The plain names are torchvision's form, since its weights are the ones people have. Test: exact
  params and MACs of both, a unit of both by its formula, torchvision's outputs.
- The x2_0 network has no dropout before its classifier unless `drop_rate` asks for it; the
  authors' code has 0.2, and so has its row. Test: the head's output in training mode.
- The linear layer has a bias; the authors' code has none. Test: exact params.
- Attention gates the output of the main branch, as Figure 2b of the appendix has it. The hidden
  layer of `se_shufflenet_v2_x2_0` is as wide as that branch: the appendix states half of a unit's
  channels for its largest network, and nothing for this one. Test: exact MACs, a unit's formula.
- v2* has its extra depthwise convolution, batch-normalised and not activated, in the main branch.
  Its widths are not printed, only budgets; here they are those of Table 5. Test: exact MACs, the
  order of the layers.
- PyTorchCV's max-pool has no padding: `ceil_pool=True`; its conv5 has 1553 and 2153 channels at
  1.5x and 2x: `conv5=1553`. Its ShuffleNetV2b is the authors' form that shuffles after the
  concatenation instead: `shuffle="after"`. Test: PyTorchCV's outputs.
- Weights start from He's normal law over the fan-out of each group. The paper does not say;
  torchvision keeps PyTorch's default. Test: the deviation of each convolution's weights.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.spec import Printed, Spec, Weights
from martlet.ops.attention import Attention, AttentionOption
from martlet.ops.conv import ConvBNAct, depthwise, initialise, pointwise
from martlet.ops.shuffle import channel_shuffle, channel_split, concat_and_shuffle, even_odd_split

Shuffle = Literal["after", "even_odd"]
STEM = 24
REPEATS = (4, 8, 4)  # units of stages 2, 3 and 4; the first of each has stride 2
STAGES = {  # output channels
    "x0_5": (48, 96, 192),
    "x1_0": (116, 232, 464),
    "x1_5": (176, 352, 704),
    "x2_0": (244, 488, 976),
}


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A column of Table 5."""

    stages: tuple[int, int, int]  # output channels
    conv5: int
    authors: bool = False  # the form of the authors' code
    extra_depthwise: bool = False  # v2*
    attention: Attention | None = None


def _row(prefix: str, width: str, params: int, macs: int, **rest: Any) -> Variant:
    conv5 = 2048 if width == "x2_0" else 1024
    name = f"{prefix}_{width}"
    return Variant(name, params, macs, stages=STAGES[width], conv5=conv5, **rest)


_torchvisions = partial(_row, "shufflenet_v2")
_authors = partial(_row, "shufflenet_v2_authors", authors=True)
_detection = partial(_row, "shufflenet_v2_detection", authors=True, extra_depthwise=True)


def _weights(width: str, top1: float, resize: int) -> Weights:
    name = f"ShuffleNet_V2_{width.upper()}_Weights.IMAGENET1K_V1"
    return Weights("torchvision", name, top1, resize, "BSD-3-Clause")


_UNIT = "the printed MACs are those of the authors' stride-2 unit, whose shortcut is wider"
_X0_5 = "both readings of the stride-2 unit give 40.5M, which the paper rounds up"
_SE = "no params and no hidden width are printed; one of twice the branch would give 597M exactly"
_TABLE7 = "Table 7 prints neither widths nor params of v2*, only levels of 40M, 140M, 300M and 500M"

# fmt: off
VARIANTS = (
    _torchvisions("x0_5", 1_366_792, 40_476_448, paper=Printed("41M", "1.4M", 39.7), note=_X0_5,
                  weights=_weights("x0_5", 60.552, 256), aliases=("shufflenetv2_wd2",)),
    _torchvisions("x1_0", 2_278_604, 144_907_992, paper=Printed("146M", "2.3M", 30.6),
                  weights=_weights("x1_0", 69.362, 256), aliases=("shufflenetv2_w1",)),
    _torchvisions("x1_5", 3_503_624, 295_759_392, paper=Printed("299M", "3.5M", 27.4), note=_UNIT,
                  weights=_weights("x1_5", 72.996, 232)),
    _torchvisions("x2_0", 7_393_996, 583_253_464, paper=Printed("591M", "7.4M", 25.1), note=_UNIT,
                  weights=_weights("x2_0", 76.230, 232)),
    _authors("x0_5", 1_366_792, 40_476_448, paper=Printed("41M", "1.4M", 39.7), note=_X0_5),
    _authors("x1_0", 2_279_760, 145_814_296, paper=Printed("146M", "2.3M", 30.6)),
    _authors("x1_5", 3_507_720, 298_970_656, paper=Printed("299M", "3.5M", 27.4)),
    _authors("x2_0", 7_403_600, 590_783_000, paper=Printed("591M", "7.4M", 25.1), drop_rate=0.2),
    _row("se_shufflenet_v2", "x2_0", 10_456_412, 593_826_832, authors=True, note=_SE,
         attention=Attention("se", reduction=1), paper=Printed("597M", None, 24.6)),
    _detection("x0_5", 1_376_296, 42_889_600, note=_TABLE7),
    _detection("x1_0", 2_302_354, 150_686_464, note=_TABLE7),
    _detection("x1_5", 3_541_864, 306_012_544, note=_TABLE7),
    _detection("x2_0", 7_450_834, 600_283_904, note=_TABLE7),
)
# fmt: on


class ShuffleUnit(nn.Module):
    """Figure 3c (split) and, where the map shrinks or channels grow, 3d (two branches).

    `authors` lets the shortcut of 3d keep its channels, `even_odd` splits by even and odd channels
    instead of shuffling at the end, `residual` adds its input to what the main branch changed.
    Raises MartletError for an odd number of channels and for too few.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        *,
        authors: bool = False,
        even_odd: bool = False,
        extra_depthwise: bool = False,
        residual: bool = False,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        splits = stride == 1 and in_channels == out_channels
        half = out_channels // 2
        passing = in_channels if authors and not splits else half
        changed = out_channels - passing
        if out_channels % 2 or min(half, changed) < 1:
            raise MartletError(
                f"a unit with {in_channels} channels in and {out_channels} out does not halve; "
                "give even numbers, and a greater width."
            )
        self.even_odd = even_odd
        self.halves = passing == changed
        self.residual = residual
        self.shortcut: nn.Module | None = None  # where it splits, half of the channels stay
        if not splits:
            self.shortcut = nn.Sequential(
                depthwise(in_channels, stride=stride),
                pointwise(in_channels, passing, act=nn.ReLU),
            )
        main_in = half if splits else in_channels
        last = pointwise(half, changed, act=None if residual else nn.ReLU)
        if residual and splits:
            nn.init.constant_(last.bn.weight, 0.5)  # many sums in a row must not grow without end
        self.main = nn.Sequential(
            *([depthwise(main_in)] if extra_depthwise else []),
            pointwise(main_in, half, act=nn.ReLU),
            depthwise(half, stride=stride),
            last,
        )
        self.attention = None if attention is None else attention.build(changed)

    def forward(self, x: Tensor) -> Tensor:
        if self.shortcut is not None:
            passing, changing = self.shortcut(x), x
        else:
            passing, changing = even_odd_split(x) if self.even_odd else channel_split(x)
        changed = self.main(changing)
        if self.attention is not None:
            changed = self.attention(changed)
        if self.residual:
            changed = F.relu(changing + changed if self.shortcut is None else changed)
        if self.even_odd:
            return torch.cat((passing, changed), dim=1)
        if self.halves:
            return concat_and_shuffle(passing, changed)
        return channel_shuffle(torch.cat((passing, changed), dim=1), groups=2)


class ShuffleNetV2(ImageClassifier):
    """Table 5; attribute names are the table's layer names. `unit` is ShuffleUnit with options."""

    neck = ("conv5",)

    def __init__(
        self,
        variant: Variant,
        in_chans: int = 3,
        small_input: bool = False,
        ceil_pool: bool = False,
        unit: Callable[..., ShuffleUnit] = ShuffleUnit,
    ) -> None:
        super().__init__(variant, in_chans, small_input)
        self.conv1 = ConvBNAct(in_chans, STEM, 3, stride=1 if small_input else 2, act=nn.ReLU)
        pool = nn.MaxPool2d(3, stride=2, padding=0 if ceil_pool else 1, ceil_mode=ceil_pool)
        self.maxpool = nn.Identity() if small_input else pool
        stages, channels = [], STEM
        for width, repeats in zip(variant.stages, REPEATS, strict=True):
            units = [unit(channels, width, stride=2)]
            units += [unit(width, width, stride=1) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*units))
            channels = width
        self.stage2, self.stage3, self.stage4 = stages
        self.conv5 = pointwise(channels, variant.conv5, act=nn.ReLU)
        self.num_features = variant.conv5
        initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # (batch, 24, 56, 56) for a picture of 224 × 224
        x = self.stage2(x)  # 28 × 28
        x = self.stage3(x)  # 14 × 14
        x = self.stage4(x)  # 7 × 7
        return self.conv5(x)


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    attention: AttentionOption = None,
    shuffle: Shuffle | None = None,
    ceil_pool: bool = False,
    conv5: int | None = None,
) -> ShuffleNetV2:
    """The network of a row with fresh weights.

    `attention`, `shuffle` ("after" the concatenation, or "even_odd") and the channels of `conv5`
    stand for the row's own. Raises MartletError for no channel.
    """
    if conv5 is not None and conv5 < 1:
        raise MartletError(f"conv5={conv5} leaves no channel; give 1 or more.")
    if shuffle is None:
        shuffle = "even_odd" if variant.authors else "after"
    row = variant if conv5 is None else replace(variant, conv5=conv5)
    unit = partial(
        ShuffleUnit,
        authors=row.authors,
        even_odd=shuffle == "even_odd",
        extra_depthwise=row.extra_depthwise,
        attention=row.attention if attention is None else Attention.of(attention),
    )
    return ShuffleNetV2(row, in_chans, small_input, ceil_pool, unit)
