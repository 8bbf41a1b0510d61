"""MobileNets: Efficient Convolutional Neural Networks for Mobile Vision (arXiv 1704.04861).

The body is that of Table 1, errors are those of Tables 4 to 7; the row of width 0.7 is CBAM's
(arXiv 1807.06521, Table 5). Table 7's networks for smaller pictures are these rows, see AT_SIZES.

Differences from the paper and from the authors' code:

- Table 1 prints stride 2 for its last depthwise convolution. Its output is 7×7 like its input, so
  the stride is 1. Test: the shape of the features.
- A width multiplies all channels and drops the fraction, 8 channels at least, as in the authors'
  code (TF-slim); the paper does not say. CBAM's 2.30M and 283M at width 0.7 are reached only so.
  Test: exact params.
- ReLU, as the paper has it. The authors' code and timm have ReLU6: rows `mobilenet_v1_relu6_*`, or
  `act="relu6"`. Test: timm's outputs.
- Batch normalisation keeps PyTorch's momentum and epsilon, as timm does; the authors' code has an
  average decay of 0.9997 and epsilon 0.001. Test: timm's outputs.
- A convolution of stride 2 pads all four sides; the authors' code pads right and below alone. Test:
  timm's outputs.
- The classifier has no dropout before it unless `drop_rate` asks for it; the authors' code drops
  0.1 %. Test: the head's output in training mode.

`attention` sits behind the pointwise convolution of each pair, as in SENet's Table 3; "everywhere"
puts one behind the depthwise convolution as well, which gives the params of CBAM's Table 5.

Any other width: `create_model("mobilenet_v1_x0_6")` is width 0.6.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal

from torch import Tensor, nn

from martlet.models.classifier import ImageClassifier
from martlet.models.spec import AtSize, Printed, Spec
from martlet.models.widths import counted, width_in
from martlet.ops.attention import Attention, AttentionOption
from martlet.ops.conv import Activation, ConvBNAct, depthwise, initialise, pointwise

PLACEMENTS = ("everywhere",)
ACTIVATIONS: dict[str, Activation] = {"relu": nn.ReLU, "relu6": nn.ReLU6}
STEM = 32
FEWEST = 8  # channels
PAIRS = (  # Table 1: stride of the depthwise, output channels of the pointwise convolution
    (1, 64),
    (2, 128),
    (1, 128),
    (2, 256),
    (1, 256),
    (2, 512),
    *[(1, 512)] * 5,
    (2, 1024),
    (1, 1024),
)
SHALLOW = PAIRS[:6] + PAIRS[11:]  # Table 5: without the five layers of 14×14×512


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A row of Tables 4 to 6."""

    width: float = 1.0  # the paper's α
    pairs: tuple[tuple[int, int], ...] = PAIRS
    full: bool = False  # one standard convolution for each pair
    act: str = "relu"
    attention: Attention | None = None


_table6 = partial(Printed, source="Table 6")

# fmt: off
VARIANTS = (
    Variant("mobilenet_v1_x0_25", 470_072, 41_030_272, width=0.25,
            paper=_table6("41M", "0.5M", 49.4), aliases=("mobilenet_wd4",),
            note="the table rounds 0.47M params to 0.5M"),
    Variant("mobilenet_v1_x0_5", 1_331_592, 149_497_088, width=0.5,
            paper=_table6("149M", "1.3M", 36.3), aliases=("mobilenet_wd2",)),
    Variant("mobilenet_v1_x0_7", 2_298_747, 282_957_078, width=0.7,
            paper=Printed("283M", "2.30M", 34.86, "CBAM, Table 5")),
    Variant("mobilenet_v1_x0_75", 2_585_560, 325_400_448, width=0.75,
            paper=Printed("325M", "2.6M", 31.6, "Tables 5 and 6"), aliases=("mobilenet_w3d4",)),
    Variant("mobilenet_v1_x1_0", 4_231_976, 568_740_352,
            paper=Printed("569M", "4.2M", 29.4, "Tables 4, 6, 7"),
            aliases=("mobilenet_v1", "mobilenet_w1")),
    Variant("mobilenet_v1_full_conv", 29_294_088, 4_867_293_184, full=True,
            paper=Printed("4866M", "29.3M", 28.3, "Table 4")),
    Variant("mobilenet_v1_shallow", 2_887_976, 307_323_392, pairs=SHALLOW,
            paper=Printed("307M", "2.9M", 34.7, "Table 5")),
    Variant("mobilenet_v1_relu6_x1_0", 4_231_976, 568_740_352, act="relu6",
            aliases=("mobilenetv1_100",)),
    Variant("mobilenet_v1_relu6_x1_25", 6_270_840, 879_516_800, act="relu6", width=1.25,
            aliases=("mobilenetv1_125",)),
)
# fmt: on

AT_SIZES = (
    AtSize("mobilenet_v1_x1_0", 192, Printed("418M", "4.2M", 30.9, "Table 7")),
    AtSize("mobilenet_v1_x1_0", 160, Printed("290M", "4.2M", 32.8, "Table 7")),
    AtSize("mobilenet_v1_x1_0", 128, Printed("186M", "4.2M", 35.6, "Table 7")),
    AtSize("mobilenet_v1_x0_5", 160, Printed("76M", "1.32M", 39.8, "Table 9")),
)


class DepthwiseSeparable(nn.Sequential):
    """Figure 3, right: filter each channel, then combine them; both activated."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        act: Activation = nn.ReLU,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        everywhere = attention is not None and attention.placement == "everywhere"
        self.depthwise = depthwise(in_channels, stride=stride, act=act)
        self.depthwise_attention = (
            attention.build(in_channels) if attention is not None and everywhere else None
        )
        self.pointwise = pointwise(in_channels, out_channels, act=act)
        self.attention = attention.build(out_channels) if attention is not None else None


class FullConvolution(nn.Sequential):
    """Figure 3, left: the standard 3×3 convolution that a pair stands for."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        act: Activation = nn.ReLU,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        self.conv = ConvBNAct(in_channels, out_channels, 3, stride=stride, act=act)
        self.attention = attention.build(out_channels) if attention is not None else None


class MobileNetV1(ImageClassifier):
    """Table 1. For small pictures the first two strides of 2 (stem and 128 channels) are 1."""

    def __init__(self, variant: Variant, in_chans: int = 3, small_input: bool = False) -> None:
        super().__init__(variant, in_chans, small_input)
        act = ACTIVATIONS[variant.act]
        channels = scaled(STEM, variant.width)
        self.stem = ConvBNAct(in_chans, channels, 3, stride=1 if small_input else 2, act=act)
        block = FullConvolution if variant.full else DepthwiseSeparable
        blocks = []
        for base_stride, base in variant.pairs:
            stride = 1 if small_input and base == 128 else base_stride
            width = scaled(base, variant.width)
            blocks.append(block(channels, width, stride, act, variant.attention))
            channels = width
        self.blocks = nn.Sequential(*blocks)
        self.num_features = channels
        initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (batch, 32, 112, 112) for a picture of 224 × 224
        features: Tensor = self.blocks(x)  # (batch, 1024, 7, 7)
        return features


def scaled(channels: int, width: float) -> int:
    """`channels` at `width`, its fraction dropped."""
    return max(FEWEST, int(channels * width))


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    attention: AttentionOption = None,
    act: Literal["relu", "relu6"] | None = None,
) -> MobileNetV1:
    """The network of a row with fresh weights; `attention` and `act` stand for the row's own."""
    chosen = variant.attention if attention is None else Attention.of(attention, PLACEMENTS)
    variant = replace(variant, attention=chosen, act=variant.act if act is None else act)
    return MobileNetV1(variant, in_chans, small_input)


def other_width(name: str) -> Variant | None:
    """The row for a name such as "mobilenet_v1_x0_6"; None when the name is not of this form."""
    width = width_in(name, "mobilenet_v1")
    return None if width is None else counted(Variant(name, 0, 0, width=width), build)
