"""MobileNetV2: Inverted Residuals and Linear Bottlenecks (arXiv 1801.04381).

Blocks are those of Table 2, errors of Table 4; other widths are those of the authors' TF-slim
README, since the paper draws them in a figure only, and so are other sizes, see AT_SIZES.

Differences from the paper and from the authors' code:

- Channels are rounded to a multiple of 8 (`round_nearest`), never below 90 %, as in the authors'
  code; the paper does not say. Test: exact params, and torchvision's at other widths.
- Width 1.4 has 6.1M params. The paper's 6.9M does not follow from its Table 2 (the authors' README
  has 6.06M). Test: exact params.
- Table 2 states t=1 for the first block; it has no expansion convolution, as in the authors' code.
  `expand_first=True` gives it one of as many channels. Test: exact params, PyTorchCV's outputs.
- The classifier is a linear layer behind the average pool, not a 1×1 convolution; the same numbers.
  Test: torchvision's outputs.
- Batch normalisation keeps PyTorch's momentum and epsilon, as torchvision does; the authors' code
  has an average decay of 0.997 and epsilon 0.001. Test: torchvision's outputs.

For the paper's comparisons (Figure 6, and its discussion of t): `linear=False` activates the
bottlenecks, `shortcut="none"` leaves the shortcuts out and `"expansion"` has them between the wide
maps behind the depthwise convolutions, `expansion` takes the place of t=6.

`attention` sits behind the depthwise convolution, where the channels are many and where MnasNet
and MobileNetV3 have theirs; the paper has none.

Any other width: `create_model("mobilenet_v2_x0_6")` is width 0.6.
"""

from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import Literal

from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.spec import AtSize, Printed, Spec, Weights
from martlet.models.widths import counted, width_in
from martlet.ops.attention import Attention, AttentionOption
from martlet.ops.conv import ConvBNAct, depthwise, initialise, make_divisible, pointwise

STEM, LAST = 32, 1280
EXPANSION = 6

Shortcut = Literal["bottleneck", "expansion", "none"]
BLOCKS = (  # Table 2: expansion t, channels c, repeats n, stride of the first s
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A row of Table 4."""

    width: float
    round_nearest: int = 8  # channels are a multiple of it
    expand_first: bool = False  # an expansion although t=1
    linear: bool = True  # no activation behind a projection
    shortcut: Shortcut = "bottleneck"
    expansion: int = EXPANSION
    attention: Attention | None = None


_SLIM = "TF-slim README"
_TORCHVISION = Weights(
    "torchvision", "MobileNet_V2_Weights.IMAGENET1K_V2", 72.154, 232, "BSD-3-Clause"
)

# fmt: off
VARIANTS = (
    Variant("mobilenet_v2_x0_35", 1_677_128, 59_285_808, width=0.35,
            paper=Printed("59M", "1.66M", 39.7, _SLIM), aliases=("mobilenetv2_035",)),
    Variant("mobilenet_v2_x0_5", 1_968_680, 97_131_840, width=0.5,
            paper=Printed("97M", "1.95M", 34.6, _SLIM), aliases=("mobilenetv2_050",)),
    Variant("mobilenet_v2_x0_75", 2_636_424, 209_069_792, width=0.75,
            paper=Printed("209M", "2.61M", 30.2, _SLIM), aliases=("mobilenetv2_075",)),
    Variant("mobilenet_v2_x1_0", 3_504_872, 300_774_272, width=1.0, weights=_TORCHVISION,
            paper=Printed("300M", "3.4M", 28.0), aliases=("mobilenet_v2", "mobilenetv2_100")),
    Variant("mobilenet_v2_x1_3", 5_386_792, 509_374_560, width=1.3,
            paper=Printed("509M", "5.34M", 25.6, _SLIM)),
    Variant("mobilenet_v2_x1_4", 6_108_776, 582_195_824, width=1.4,
            paper=Printed("585M", "6.9M", 25.3), aliases=("mobilenetv2_140",),
            note="6.9M params do not follow from Table 2; the authors' README has 6.06M"),
)

# The README's: million MACs and error for pictures of 192, 160, 128 and 96.
_AT_SIZES = {
    ("mobilenet_v2_x0_35", "1.66M"): ((43, 41.8), (30, 44.3), (20, 49.2), (11, 54.5)),
    ("mobilenet_v2_x0_5", "1.95M"): ((71, 36.1), (50, 39.0), (32, 42.3), (18, 48.8)),
    ("mobilenet_v2_x0_75", "2.61M"): ((153, 31.3), (107, 33.6), (69, 36.8), (39, 41.2)),
    ("mobilenet_v2_x1_0", "3.47M"): ((221, 29.3), (154, 31.2), (99, 34.7), (56, 39.7)),
}
# fmt: on

AT_SIZES = tuple(
    AtSize(name, side, Printed(f"{macs}M", params, error, _SLIM))
    for (name, params), row in _AT_SIZES.items()
    for side, (macs, error) in zip((192, 160, 128, 96), row, strict=True)
)


class InvertedResidual(nn.Module):
    """Table 1: expand by t, filter depthwise, project without activation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        expansion: int,
        *,
        expand_first: bool = False,
        linear: bool = True,
        shortcut: bool = True,
        attention: Attention | None = None,
    ) -> None:
        """`expand_first` gives it an expansion convolution at t = 1, too."""
        super().__init__()
        hidden = in_channels * expansion
        expands = expansion > 1 or expand_first
        layers = [pointwise(in_channels, hidden, act=nn.ReLU6)] if expands else []
        last = pointwise(hidden, out_channels, act=None if linear else nn.ReLU6)
        layers += [depthwise(hidden, stride=stride, act=nn.ReLU6), last]
        self.layers = nn.Sequential(*layers)
        self.attention = attention.build(hidden) if attention is not None else None
        self.residual = shortcut and stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        projected = self.narrowed(self.expanded(x))
        return x + projected if self.residual else projected

    def expanded(self, x: Tensor) -> Tensor:
        """The maps before the depthwise convolution."""
        first, *more = self.layers
        wide: Tensor = first(x) if len(more) == 2 else x
        return wide

    def narrowed(self, wide: Tensor) -> Tensor:
        """What the block makes of its wide maps, without the shortcut."""
        *_, filtering, project = self.layers
        wide = filtering(wide)
        narrow: Tensor = project(wide if self.attention is None else self.attention(wide))
        return narrow

    def widened(self, x: Tensor) -> Tensor:
        """The maps behind the depthwise convolution."""
        wide: Tensor = self.layers[-2](self.expanded(x))
        return wide


class ExpansionShortcuts(nn.Sequential):
    """Blocks with shortcuts between their wide maps (Figure 6 b), where these are of one shape."""

    def __init__(self, *blocks: nn.Module) -> None:
        super().__init__(*blocks)
        depthwise = [block.layers[-2].conv for block in blocks]  # type: ignore[index, union-attr]
        self.joined = [False] + [
            one.in_channels == before.in_channels and one.stride == (1, 1)
            for before, one in pairwise(depthwise)
        ]

    def forward(self, x: Tensor) -> Tensor:
        before = x
        for block, joined in zip(self, self.joined, strict=True):
            wide = block.widened(x)  # type: ignore[operator]
            before = wide + before if joined else wide
            *_, project = block.layers  # type: ignore[misc]
            x = project(before)
        return x


class MobileNetV2(ImageClassifier):
    """Table 2. For small pictures the first two strides of 2 (stem and c=24) are 1."""

    neck = ("last",)

    def __init__(self, variant: Variant, in_chans: int = 3, small_input: bool = False) -> None:
        super().__init__(variant, in_chans, small_input)
        divisor = variant.round_nearest
        if divisor < 1:
            raise MartletError(f"round_nearest={divisor} is not accepted; give 1 or more.")
        block = partial(
            InvertedResidual,
            expand_first=variant.expand_first,
            linear=variant.linear,
            shortcut=variant.shortcut == "bottleneck",
            attention=variant.attention,
        )
        channels = make_divisible(STEM * variant.width, divisor)
        self.stem = ConvBNAct(in_chans, channels, 3, stride=1 if small_input else 2, act=nn.ReLU6)
        blocks = []
        for printed, base, repeats, first_stride in BLOCKS:
            expansion = variant.expansion if printed == EXPANSION else printed
            width = make_divisible(base * variant.width, divisor)
            for repeat in range(repeats):
                shrinks = repeat == 0 and not (small_input and base == 24)
                blocks.append(block(channels, width, first_stride if shrinks else 1, expansion))
                channels = width
        between = ExpansionShortcuts if variant.shortcut == "expansion" else nn.Sequential
        self.blocks = between(*blocks)
        last = make_divisible(LAST * max(1.0, variant.width), divisor)
        self.last = pointwise(channels, last, act=nn.ReLU6)
        self.num_features = last
        initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (batch, 32, 112, 112) for a picture of 224 × 224
        x = self.blocks(x)  # (batch, 320, 7, 7)
        features: Tensor = self.last(x)
        return features


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    attention: AttentionOption = None,
    round_nearest: int = 8,
    expand_first: bool = False,
    linear: bool = True,
    shortcut: Shortcut = "bottleneck",
    expansion: int = EXPANSION,
) -> MobileNetV2:
    """The network of a row with fresh weights; the options: see the top of the file.

    Raises MartletError for an expansion below 1, and attention with shortcuts between expansions.
    """
    if expansion < 1:
        raise MartletError(f"expansion={expansion} is not accepted; give 1 or more.")
    if shortcut == "expansion" and attention:
        raise MartletError(
            "shortcut='expansion' and attention exclude each other; leave one of them out."
        )
    variant = replace(
        variant,
        round_nearest=round_nearest,
        expand_first=expand_first,
        linear=linear,
        shortcut=shortcut,
        expansion=expansion,
        attention=Attention.of(attention),
    )
    return MobileNetV2(variant, in_chans, small_input)


def other_width(name: str) -> Variant | None:
    """The row for a name such as "mobilenet_v2_x0_6"; None when the name is not of this form."""
    width = width_in(name, "mobilenet_v2")
    return None if width is None else counted(Variant(name, 0, 0, width=width), build)
