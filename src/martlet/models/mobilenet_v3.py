"""Searching for MobileNetV3 (arXiv 1905.02244).

Blocks are those of Tables 1 and 2, errors of Table 3; the minimalistic rows are those of the
authors' TF-slim README. Table 3's 66M MACs of the small network follow from neither the paper nor
any code: Table 2 as printed has 57.1M.

Differences from the paper and from the authors' code:

- The small network has 1024 hidden units in its head and no squeeze-and-excitation behind its last
  convolution, as in the authors' code, torchvision and timm. Table 2 has 1280 and one, which is
  `mobilenet_v3_small_paper`; `mobilenet_v3_small_1280` has the units alone. The printed 2.9M
  params, and 2.4M at width 0.75, are those of 1280 units. Test: exact params.
- A width multiplies the channels between the blocks, rounded to a multiple of 8. A block expands
  what it gets by the table's factor, and the head keeps its hidden units below width 1: only so are
  the printed 155M and 4.0M of width 0.75 reached. torchvision multiplies every number of the table:
  `scaling="torchvision"`. Test: exact params, and torchvision's at other widths.
- Below width 1 the first convolution keeps 16 channels, as in Keras and timm. Test: timm's params.
- Squeeze-and-excitation has hidden layers of a quarter of the expansion, rounded to a multiple of
  8, as in all codes. Test: torchvision's outputs.
- Batch normalisation has momentum 0.01, the paper's average decay of 0.99, and epsilon 0.001, as in
  torchvision and the authors' code; for timm's weights, epsilon is `bn_eps=1e-5`. Test:
  torchvision's and timm's outputs.
- The head's convolutions are linear layers behind the pool; the same numbers. There is no dropout
  unless `drop_rate` asks for it; the paper drops 20 %. Test: torchvision's outputs.
- A convolution of stride 2 pads all four sides; the authors' code pads right and below alone. Test:
  torchvision's outputs.

`attention` puts another one, in every block, where the paper has squeeze-and-excitation in some.

Any other width: `create_model("mobilenet_v3_large_x1_25")` is width 1.25.
"""

from dataclasses import dataclass

from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.mobilenet_v3_form import Block, Form, Scaling, Size
from martlet.models.spec import Printed, Spec, Weights
from martlet.models.widths import counted, width_in
from martlet.ops.attention import Attention, AttentionOption, SqueezeExcite
from martlet.ops.conv import (
    Activation,
    ConvBNAct,
    depthwise,
    draw,
    initialise,
    make_divisible,
    pointwise,
)
from martlet.ops.pool import global_average

ACTIVATIONS: dict[str, Activation] = {"RE": nn.ReLU, "HS": nn.Hardswish}
STEM = 16


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A row of Table 3."""

    size: Size
    hidden: int  # units of the head at width 1
    width: float = 1.0
    last_squeeze: bool = False  # behind the last convolution
    minimalistic: bool = False  # 3×3, ReLU, no squeeze-and-excitation


def _weights(size: str, version: int, top1: float, resize: int) -> Weights:
    name = f"MobileNet_V3_{size}_Weights.IMAGENET1K_V{version}"
    return Weights("torchvision", name, top1, resize, "BSD-3-Clause")


_66M = "the printed 66M MACs follow from no table"
_1280 = "the printed params, and MACs of width 0.75, are those of 1280 hidden units"
_SLIM = "TF-slim README"

# fmt: off
VARIANTS = (
    Variant("mobilenet_v3_large_x0_75", 3_993_528, 154_560_624, size="large", width=0.75,
            hidden=1280, paper=Printed("155M", "4.0M", 26.7), aliases=("mobilenetv3_large_075",)),
    Variant("mobilenet_v3_large_x1_0", 5_483_032, 216_589_760, size="large", hidden=1280,
            paper=Printed("219M", "5.4M", 24.8), weights=_weights("Large", 2, 75.274, 232),
            note="Table 1 has 216.6M MACs, the authors' README states 217M",
            aliases=("mobilenet_v3_large", "mobilenetv3_large_100")),
    Variant("mobilenet_v3_large_minimalistic", 3_924_288, 209_136_704, size="large", hidden=1280,
            minimalistic=True, paper=Printed("209M", "3.9M", 27.7, _SLIM)),
    Variant("mobilenet_v3_small_x0_5", 1_593_224, 24_188_688, size="small", width=0.5, hidden=1024,
            aliases=("mobilenetv3_small_050",)),
    Variant("mobilenet_v3_small_x0_75", 2_041_872, 43_399_344, size="small", width=0.75,
            hidden=1024, paper=Printed("44M", "2.4M", 34.6), aliases=("mobilenetv3_small_075",),
            note=_1280),
    Variant("mobilenet_v3_small_x1_0", 2_542_856, 56_510_400, size="small", hidden=1024,
            paper=Printed("66M", "2.9M", 32.6), weights=_weights("Small", 1, 67.668, 256),
            note=f"{_66M}; {_1280}", aliases=("mobilenet_v3_small", "mobilenetv3_small_100")),
    Variant("mobilenet_v3_small_1280", 2_946_568, 56_913_856, size="small", hidden=1280,
            paper=Printed("66M", "2.9M", 32.6), note=_66M),
    Variant("mobilenet_v3_small_paper", 3_113_176, 57_079_744, size="small", hidden=1280,
            last_squeeze=True, note="Table 2 to the letter, which has more params than Table 3"),
    Variant("mobilenet_v3_small_minimalistic", 2_044_736, 52_288_448, size="small", hidden=1024,
            minimalistic=True, paper=Printed("65M", "2.0M", 38.1, _SLIM),
            note="like the 66M of Table 3, the printed 65M follow from no table"),
)
# fmt: on


class InvertedResidual(nn.Module):
    """Figure 4: expand, filter depthwise, squeeze and excite, project without activation."""

    def __init__(
        self,
        in_channels: int,
        expansion: int,
        out_channels: int,
        row: Block,
        attention: Attention | None = None,
    ) -> None:
        super().__init__()
        act = ACTIVATIONS[row.act]
        self.expand = (
            pointwise(in_channels, expansion, act=act) if expansion != in_channels else None
        )
        stride = 1 if row.dilation > 1 else row.stride  # dilated instead of strided
        self.depthwise = depthwise(
            expansion, row.kernel, stride=stride, dilation=row.dilation, act=act
        )
        self.attention: nn.Module | None = None
        if attention is not None:
            self.attention = attention.build(expansion)
        elif row.squeeze:
            self.attention = squeeze_excite(expansion)
        self.project = pointwise(expansion, out_channels)
        self.residual = row.stride == 1 and in_channels == out_channels

    def forward(self, x: Tensor) -> Tensor:
        y = self.narrowed(self.expanded(x))
        return x + y if self.residual else y

    def expanded(self, x: Tensor) -> Tensor:
        """The maps before the depthwise convolution."""
        wide: Tensor = x if self.expand is None else self.expand(x)
        return wide

    def narrowed(self, wide: Tensor) -> Tensor:
        """What the block makes of its wide maps, without the shortcut."""
        y = self.depthwise(wide)
        if self.attention is not None:
            y = self.attention(y)
        narrow: Tensor = self.project(y)
        return narrow


class MobileNetV3(ImageClassifier):
    """Tables 1 and 2; `form` says which of its forms."""

    neck = ("last", "last_attention", "hidden", "hidden_act")

    def __init__(self, variant: Variant, form: Form, in_chans: int = 3) -> None:
        super().__init__(variant, in_chans, form.small_input)
        self.reduction //= 2 if form.dilated else 1
        act = ACTIVATIONS["RE" if variant.minimalistic or not form.hardswish else "HS"]
        channels = form.kept(STEM, variant.width)
        first = act
        if form.hardswish_from is not None and form.hardswish_from > STEM:
            first = ACTIVATIONS["RE"]
        self.stem = ConvBNAct(in_chans, channels, 3, stride=1 if form.small_input else 2, act=first)
        blocks = []
        base = STEM  # `channels` at width 1
        for row in form.table(variant.size, variant.minimalistic):
            expansion = form.expansion(row.expansion, base, channels, variant.width)
            out = make_divisible(row.out * variant.width)
            blocks.append(InvertedResidual(channels, expansion, out, row, form.attention))
            channels, base = out, row.out
        self.blocks = nn.Sequential(*blocks)
        self.num_features = 6 * channels
        self.last = pointwise(channels, self.num_features, act=act)
        self.last_attention = squeeze_excite(self.num_features) if variant.last_squeeze else None
        hidden = form.kept(variant.hidden // (2 if form.reduced_tail else 1), variant.width)
        self.hidden = nn.Linear(self.num_features, hidden)
        self.hidden_act = act()
        initialise(self)
        draw(self.hidden.weight, 0.01)
        nn.init.zeros_(self.hidden.bias)
        for norm in (module for module in self.modules() if isinstance(module, nn.BatchNorm2d)):
            norm.eps, norm.momentum = form.bn_eps, 0.01

    @property
    def head_hidden_size(self) -> int:
        """Of the hidden layer."""
        return self.hidden.out_features

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.stem(x)  # (batch, 16, 112, 112) for a picture of 224 × 224
        x = self.blocks(x)  # (batch, 160 or 96, 7, 7)
        x = self.last(x)
        return x if self.last_attention is None else self.last_attention(x)

    def pool(self, features: Tensor) -> Tensor:
        """The mean over each map through the hidden layer: (batch, head_hidden_size)."""
        return self.hidden_act(self.hidden(global_average(features)))


def squeeze_excite(channels: int) -> SqueezeExcite:
    """Section 5.3: a quarter of the channels in the hidden layer, and a piecewise linear gate."""
    hidden = make_divisible(channels // 4)
    return SqueezeExcite(channels, hidden, act=nn.ReLU, gate=nn.Hardsigmoid)


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    attention: AttentionOption = None,
    reduced_tail: bool = False,
    dilated: bool = False,
    scaling: Scaling = "authors",
    bn_eps: float = 1e-3,
    squeeze: bool = True,
    hardswish: bool = True,
    hardswish_from: int | None = None,
) -> MobileNetV3:
    """The network of a row with fresh weights.

    `reduced_tail` halves the channels from the last stride of 2 on, `dilated` dilates there
    instead of striding (section 6.3 and 6.4); `scaling` and `bn_eps`: see the top of the file.
    `squeeze=False` and `hardswish=False` leave these out; with `hardswish_from` the first layer
    that has h-swish is one of so many channels, at width 1 (Table 5).

    Raises MartletError for options that contradict each other.
    """
    if variant.minimalistic and hardswish_from is not None:
        raise MartletError(
            f"hardswish_from={hardswish_from} does not fit {variant.name}, which has no h-swish; "
            "leave it out."
        )
    form = Form(
        small_input,
        Attention.of(attention),
        reduced_tail,
        dilated,
        scaling,
        bn_eps,
        squeeze,
        hardswish,
        hardswish_from,
    )
    return MobileNetV3(variant, form, in_chans)


def other_width(name: str) -> Variant | None:
    """The row for a name such as "mobilenet_v3_small_x0_6"; None when it is not of this form."""
    for row in VARIANTS:
        if row.name.endswith("_x1_0"):
            width = width_in(name, row.name.removesuffix("_x1_0"))
            if width is not None:
                row = Variant(name, 0, 0, size=row.size, hidden=row.hidden, width=width)
                return counted(row, build)
    return None
