"""ShuffleNet V2: Practical Guidelines for Efficient CNN Architecture Design (arXiv 1807.11164).

Channels and repeats are those of Table 5, errors of Table 8.

Differences from the paper and from the authors' code:

- Stride-2 units give half of the output channels to each branch, as Figure 3d is commonly read
  and as torchvision builds them, since its weights are the ones people have. In the authors' code
  the shortcut branch keeps its input channels. The table's 146M, 299M and 591M MACs are those of
  the authors' unit. Test: exact params and MACs, and torchvision's outputs.
- The x2_0 network has no dropout before its classifier unless `drop_rate` asks for it; the
  authors' code has 0.2. Test: the head's output in training mode.
- Weights start from He's normal law over the fan-out of each group. The paper does not say;
  torchvision keeps PyTorch's default. Test: the deviation of each convolution's weights.
"""

from dataclasses import dataclass, field

from torch import Tensor, nn

from swiftlet.models.classifier import ImageClassifier
from swiftlet.models.spec import Printed, Spec, Weights
from swiftlet.ops.conv import ConvBNAct, depthwise, initialise, pointwise
from swiftlet.ops.shuffle import channel_split, concat_and_shuffle

STEM = 24
REPEATS = (4, 8, 4)  # units of stages 2, 3 and 4; the first of each has stride 2


@dataclass(frozen=True)
class Variant(Spec):
    """A column of Table 5."""

    stages: tuple[int, int, int] = field(kw_only=True)  # output channels
    conv5: int = field(kw_only=True)


def _weights(width: str, top1: float, resize: int) -> Weights:
    name = f"ShuffleNet_V2_{width.upper()}_Weights.IMAGENET1K_V1"
    return Weights("torchvision", name, top1, resize, "BSD-3-Clause")


_UNIT = "the printed MACs are those of the authors' stride-2 unit, whose shortcut is wider"

# fmt: off
VARIANTS = (
    Variant("shufflenet_v2_x0_5", 1_366_792, 40_476_448, stages=(48, 96, 192), conv5=1024,
            paper=Printed("41M", "1.4M", 39.7), weights=_weights("x0_5", 60.552, 256),
            note="both readings of the stride-2 unit give 40.5M, which the paper rounds up",
            aliases=("shufflenetv2_wd2",)),
    Variant("shufflenet_v2_x1_0", 2_278_604, 144_907_992, stages=(116, 232, 464), conv5=1024,
            paper=Printed("146M", "2.3M", 30.6), weights=_weights("x1_0", 69.362, 256),
            aliases=("shufflenetv2_w1",)),
    Variant("shufflenet_v2_x1_5", 3_503_624, 295_759_392, stages=(176, 352, 704), conv5=1024,
            paper=Printed("299M", "3.5M", 27.4), weights=_weights("x1_5", 72.996, 232), note=_UNIT),
    Variant("shufflenet_v2_x2_0", 7_393_996, 583_253_464, stages=(244, 488, 976), conv5=2048,
            paper=Printed("591M", "7.4M", 25.1), weights=_weights("x2_0", 76.230, 232), note=_UNIT),
)
# fmt: on


class ShuffleUnit(nn.Module):
    """Figure 3c (stride 1) and 3d (stride 2)."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        half = out_channels // 2
        self.shortcut: nn.Module | None = None  # at stride 1, half of the channels pass as they are
        main_in = in_channels // 2
        if stride == 2:
            self.shortcut = nn.Sequential(
                depthwise(in_channels, stride=2),
                pointwise(in_channels, half, act=nn.ReLU),
            )
            main_in = in_channels
        self.main = nn.Sequential(
            pointwise(main_in, half, act=nn.ReLU),
            depthwise(half, stride=stride),
            pointwise(half, half, act=nn.ReLU),
        )

    def forward(self, x: Tensor) -> Tensor:
        if self.shortcut is None:
            passing, changing = channel_split(x)
            return concat_and_shuffle(passing, self.main(changing))
        return concat_and_shuffle(self.shortcut(x), self.main(x))


class ShuffleNetV2(ImageClassifier):
    """Table 5; attribute names are the table's layer names."""

    neck = ("conv5",)

    def __init__(self, variant: Variant, in_chans: int = 3, small_input: bool = False) -> None:
        super().__init__()
        self.in_chans = in_chans
        self.reduction = variant.small_reduction if small_input else variant.reduction
        self.conv1 = ConvBNAct(in_chans, STEM, 3, stride=1 if small_input else 2, act=nn.ReLU)
        self.maxpool = nn.Identity() if small_input else nn.MaxPool2d(3, stride=2, padding=1)
        stages, channels = [], STEM
        for width, repeats in zip(variant.stages, REPEATS, strict=True):
            units = [ShuffleUnit(channels, width, stride=2)]
            units += [ShuffleUnit(width, width, stride=1) for _ in range(repeats - 1)]
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
    num_classes: int,
    in_chans: int,
    drop_rate: float,
    small_input: bool = False,
) -> ShuffleNetV2:
    """The network of a row with fresh weights."""
    network = ShuffleNetV2(variant, in_chans, small_input)
    network.add_head(num_classes, drop_rate)
    return network
