"""Deep Residual Learning (arXiv 1512.03385), with the groups of ResNeXt (1611.05431) and attention.

It is the backbone that senet.py and cbam.py stand on. Depths are those of Table 1 of the paper and
of section 4.2 (CIFAR), widths those of ResNeXt's Table 1 and of CBAM's Table 4, which also prints
all errors and costs, save those of ResNet-152 (SENet's Table 2) and of the CIFAR networks.

Differences from the papers and from the authors' code:

- A bottleneck that halves the map does so in its 3×3 convolution, as in torchvision ("V1.5"), since
  its weights are what people have; in the paper the first 1×1 convolution has the stride.
  `stride_first=True` is the paper's form and has its MACs. Test: every printed figure.
- The wide networks have a first convolution of 64 channels all the same: only so are the printed
  figures met. CBAM's paper does not say. Test: exact params and MACs.
- The CIFAR networks widen their shortcuts by a 1×1 convolution, as PyTorchCV does; the paper pads
  zeros. Test: exact params.
- Max-pooling pads one row and one column on each side; Caffe, in which the paper's and SENet's
  authors work, pads none and rounds the size up, which moves the windows by one. `ceil_pool=True`
  is that form, for weights that come from Caffe. Test: outputs of timm's copies of such networks.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from martlet.models.classifier import ImageClassifier
from martlet.models.spec import ImageInput, Printed, Spec, Weights
from martlet.ops.attention import Attention, AttentionOption
from martlet.ops.conv import ConvBNAct, initialise, pointwise

# Of attention, besides "standard": SENet's Tables 14 and 15.
PLACEMENTS = ("pre", "post", "identity", "3x3")
EXPANSION = 4  # output channels of a bottleneck / its width


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A column of Table 1, or one of its descendants."""

    repeats: tuple[int, ...]  # blocks of each stage
    widths: tuple[int, ...] = (64, 128, 256, 512)
    stem: tuple[int, ...] = (64,)  # one 7×7, or several 3×3
    bottleneck: bool = False
    stride_first: bool = False  # in the first 1×1, not in the 3×3
    groups: int = 1  # of a bottleneck's 3×3 convolution
    inner: int = 1  # its channels / width
    halved: bool = False  # it has half as many inputs as outputs
    projection: int = 1  # kernel of the shortcuts of stride 2
    small_only: bool = False  # always the form for small pictures
    attention: Attention | None = None


_table4 = partial(Printed, source="CBAM, Table 4")


def _weights(name: str, top1: float, version: int = 2) -> Weights:
    resize = 232 if version == 2 else 256
    full = f"{name}_Weights.IMAGENET1K_V{version}"
    return Weights("torchvision", full, top1, resize, "BSD-3-Clause")


STRIDE_NOTE = "the printed MACs are those of stride_first=True"
_RESNEXT: dict[str, Any] = {"bottleneck": True, "groups": 32, "inner": 2}  # "32×4d"
_CIFAR: dict[str, Any] = {
    "widths": (16, 32, 64),
    "stem": (16,),
    "small_only": True,
    "input": ImageInput(3, 32, 32),
    "num_classes": 10,
    "reduction": 4,
    "small_reduction": 4,
}

# fmt: off
VARIANTS = (
    Variant("resnet18", 11_689_512, 1_814_073_344, repeats=(2, 2, 2, 2),
            paper=_table4("1.814G", "11.69M", 29.60), weights=_weights("ResNet18", 69.758, 1)),
    Variant("resnet34", 21_797_672, 3_663_761_408, repeats=(3, 4, 6, 3),
            paper=_table4("3.664G", "21.80M", 26.69), weights=_weights("ResNet34", 73.314, 1)),
    Variant("resnet50", 25_557_032, 4_089_184_256, repeats=(3, 4, 6, 3), bottleneck=True,
            paper=_table4("3.858G", "25.56M", 24.56), note=STRIDE_NOTE,
            weights=_weights("ResNet50", 80.858)),
    Variant("resnet101", 44_549_160, 7_801_405_440, repeats=(3, 4, 23, 3), bottleneck=True,
            paper=_table4("7.570G", "44.55M", 23.38), note=STRIDE_NOTE,
            weights=_weights("ResNet101", 81.886)),
    Variant("resnet152", 60_192_808, 11_513_626_624, repeats=(3, 8, 36, 3), bottleneck=True,
            paper=Printed("11.30G", None, 22.42, "SENet, Table 2"), note=STRIDE_NOTE,
            weights=_weights("ResNet152", 82.284)),
    Variant("resnext50_32x4d", 25_028_904, 4_230_479_872, repeats=(3, 4, 6, 3), **_RESNEXT,
            paper=_table4("3.768G", "25.03M", 22.85), note=STRIDE_NOTE,
            weights=_weights("ResNeXt50_32X4D", 81.198)),
    Variant("resnext101_32x4d", 44_177_704, 7_969_996_800, repeats=(3, 4, 23, 3), **_RESNEXT,
            paper=_table4("7.508G", "44.18M", 21.54), note=STRIDE_NOTE),
    Variant("wide_resnet18_x1_5", 25_875_816, 3_866_327_040, repeats=(2, 2, 2, 2),
            widths=(96, 192, 384, 768), paper=_table4("3.866G", "25.88M", 26.85)),
    Variant("wide_resnet18_x2_0", 45_618_216, 6_695_706_624, repeats=(2, 2, 2, 2),
            widths=(128, 256, 512, 1024), paper=_table4("6.696G", "45.62M", 25.63)),
    Variant("resnet20", 272_474, 40_813_184, repeats=(3, 3, 3), **_CIFAR,
            paper=Printed(None, "0.27M", source="Table 6"), aliases=("resnet20_cifar10",)),
    Variant("resnet56", 855_770, 125_747_840, repeats=(9, 9, 9), **_CIFAR,
            paper=Printed(None, "0.85M", source="Table 6"), aliases=("resnet56_cifar10",)),
    Variant("resnet110", 1_730_714, 253_149_824, repeats=(18, 18, 18), **_CIFAR,
            paper=Printed(None, "1.7M", source="Table 6"), aliases=("resnet110_cifar10",)),
)
# fmt: on


class ResidualBlock(nn.Module):
    """relu(branch(x) + shortcut(x)), with attention in one of five places.

    SENet's Table 14: on what the branch puts out ("standard"), on what it takes in ("pre"), on the
    shortcut ("identity"), or on the sum after its ReLU ("post"); Table 15: inside the branch,
    behind the ReLU of its 3×3 convolution, of a basic block's first one ("3x3"). A subclass adds
    the branch first, so that parameters stand in the order of torchvision's.
    """

    def add_shortcut(
        self, variant: Variant, in_channels: int, middle: int, out_channels: int, stride: int
    ) -> None:
        """Add the projection, where shapes change, and the attention, if there is any.

        middle: channels of what the branch has inside, behind its 3×3 convolution.
        """
        self.shortcut: nn.Module | None = None
        if stride != 1 or in_channels != out_channels:
            kernel = variant.projection if stride == 2 else 1
            self.shortcut = ConvBNAct(in_channels, out_channels, kernel, stride=stride)
        self.attention: nn.Module | None = None
        if variant.attention is not None:
            self.placement = variant.attention.placement
            attended = {"pre": in_channels, "3x3": middle}.get(self.placement, out_channels)
            self.attention = variant.attention.build(attended)

    def branch(self, x: Tensor) -> Tensor:
        """The residual, before attention on all of it."""
        raise NotImplementedError

    def forward(self, x: Tensor) -> Tensor:
        branch = self._attend("standard", self.branch(self._attend("pre", x)))
        shortcut = self._attend("identity", x if self.shortcut is None else self.shortcut(x))
        return self._attend("post", F.relu(branch + shortcut, inplace=True))

    def _attend(self, placement: str, x: Tensor) -> Tensor:
        if self.attention is None or self.placement != placement:
            return x
        attended: Tensor = self.attention(x)
        return attended


class BasicBlock(ResidualBlock):
    """Figure 5, left: two 3×3 convolutions of `width` channels."""

    def __init__(self, variant: Variant, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        self.conv1 = ConvBNAct(in_channels, width, 3, stride=stride, act=nn.ReLU)
        self.conv2 = ConvBNAct(width, width, 3)
        self.add_shortcut(variant, in_channels, width, width, stride)

    def branch(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv2(self._attend("3x3", self.conv1(x)))
        return residual


class Bottleneck(ResidualBlock):
    """Figure 5, right: 1×1, 3×3 and 1×1; the last has four times `width` channels."""

    def __init__(self, variant: Variant, in_channels: int, width: int, stride: int) -> None:
        super().__init__()
        first, second = (stride, 1) if variant.stride_first else (1, stride)
        middle = variant.inner * width
        reduced = middle // 2 if variant.halved else middle
        self.conv1 = ConvBNAct(in_channels, reduced, 1, stride=first, act=nn.ReLU)
        self.conv2 = ConvBNAct(
            reduced, middle, 3, stride=second, groups=variant.groups, act=nn.ReLU
        )
        self.conv3 = pointwise(middle, EXPANSION * width)
        self.add_shortcut(variant, in_channels, middle, EXPANSION * width, stride)

    def branch(self, x: Tensor) -> Tensor:
        residual: Tensor = self.conv3(self._attend("3x3", self.conv2(self.conv1(x))))
        return residual


class ResNet(ImageClassifier):
    """Table 1; `layer1` to `layer4` are its conv2_x to conv5_x, under torchvision's names."""

    def __init__(
        self,
        variant: Variant,
        in_chans: int = 3,
        small_input: bool = False,
        ceil_pool: bool = False,
    ) -> None:
        small = small_input or variant.small_only
        super().__init__(variant, in_chans, small)
        self.conv1 = _stem(variant, in_chans, small)
        self.maxpool: nn.Module = nn.Identity()
        if not small:
            self.maxpool = nn.MaxPool2d(3, 2, padding=0 if ceil_pool else 1, ceil_mode=ceil_pool)
        block = Bottleneck if variant.bottleneck else BasicBlock
        channels = variant.stem[-1]
        self.stages = [f"layer{number}" for number in range(1, len(variant.repeats) + 1)]
        for stage, width, repeats in zip(self.stages, variant.widths, variant.repeats, strict=True):
            units = []
            for repeat in range(repeats):
                stride = 2 if repeat == 0 and stage != "layer1" else 1
                units.append(block(variant, channels, width, stride))
                channels = EXPANSION * width if variant.bottleneck else width
            self.add_module(stage, nn.Sequential(*units))
        self.num_features = channels
        initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # (batch, 64, 56, 56) for a picture of 224 × 224
        for stage in self.stages:  # 56 × 56, 28 × 28, 14 × 14, 7 × 7
            x = self.get_submodule(stage)(x)
        return x


def _stem(variant: Variant, in_chans: int, small: bool) -> nn.Module:
    """The first convolution, 7×7 with stride 2 and 3×3 for small pictures; or several of 3×3."""
    first, *others = variant.stem
    kernel = 3 if small or others else 7
    stem = ConvBNAct(in_chans, first, kernel, stride=1 if small else 2, act=nn.ReLU)
    if not others:
        return stem
    layers = [stem]
    for in_channels, out_channels in zip(variant.stem, others, strict=False):
        layers.append(ConvBNAct(in_channels, out_channels, 3, act=nn.ReLU))
    return nn.Sequential(*layers)


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    attention: AttentionOption = None,
    stride_first: bool | None = None,
    ceil_pool: bool = False,
) -> ResNet:
    """The network of a row with fresh weights.

    `attention` and `stride_first` take the place of the row's when given; `ceil_pool` is Caffe's
    max-pooling.
    """
    chosen = Attention.of(variant.attention if attention is None else attention, PLACEMENTS)
    first = variant.stride_first if stride_first is None else stride_first
    variant = replace(variant, attention=chosen, stride_first=first)
    return ResNet(variant, in_chans, small_input, ceil_pool)
