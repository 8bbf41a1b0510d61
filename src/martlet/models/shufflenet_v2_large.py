"""The large networks that ShuffleNet V2's paper compares (arXiv 1807.11164, appendix, Table 2).

ShuffleNet v2-50, ShuffleNet v1-50 and SE-ShuffleNet v2-164; errors are those of Table 6. Stages
and stem are the table's, the units those of shufflenet_v2.py (in the authors' form) and
shufflenet_v1.py.

Differences from the paper, and what it leaves open:

- The first stage keeps 56×56 and its channels grow, so its first unit is that of a stage's start
  with stride 1; the paper does not say what it is. In v1-50 three groups do not divide the 296
  channels that this unit adds, so it has one group. Test: exact params and MACs, that unit.
- v1-50 has half of the printed 2.3G MACs. The table states its stem, its channels and a bottleneck
  of 1:4, and so it is here; a bottleneck of 1:2 would come to 2.4G. Test: exact MACs.
- v2-164 adds the input of a unit's main branch to its output, gated before by SE, and activates the
  sum (appendix, Figure 2c). The hidden layer of SE is as wide as the branch: half of the unit's
  channels, save in the unit that begins the first stage. Test: a unit by its formula.
- The last normalisation of such a unit starts with weights of 0.5. With 1 the 49 sums amplify the
  rounding of a fresh network's numbers until its answers hang on it. Test: the weights.
- The network of that name in the authors' code (12.8G; 140.7M params with the three classifiers
  that it trains along) is another: dense 3×3 convolutions as shortcuts, 3×3 convolutions of 8
  groups in the main branch, other channels. Test: none, the paper's is built here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from torch import Tensor, nn

from martlet.models import shufflenet_v2
from martlet.models.classifier import ImageClassifier
from martlet.models.shufflenet_v1_unit import ShuffleUnit
from martlet.models.spec import Printed, Spec
from martlet.ops.attention import Attention, AttentionOption
from martlet.ops.conv import ConvBNAct, initialise, pointwise


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """A column of Table 2 of the appendix."""

    stem: tuple[int, ...]  # output channels of conv1_x; stride 2 in the first
    stages: tuple[int, int, int, int]  # output channels
    repeats: tuple[int, int, int, int]
    conv6: int | None
    groups: int | None = None  # of ShuffleNet V1's units; None: V2's
    residual: bool = False
    attention: Attention | None = None


def _table6(macs: str, error: float) -> Printed:
    return Printed(macs, None, error, "Table 6")


_V1 = "the bottleneck of 1:4 that the appendix states gives half of the printed MACs"
_V2_164 = "no params are printed; the 140.7M of the authors' README are those of another network"

# fmt: off
VARIANTS = (
    Variant("shufflenet_v1_50", 8_723_998, 1_210_493_232, groups=3, stem=(64,), conv6=None,
            stages=(360, 720, 1440, 2880), repeats=(3, 4, 6, 3), note=_V1,
            paper=_table6("2.3G", 25.2)),
    Variant("shufflenet_v2_50", 16_576_898, 2_314_702_176, stem=(64,), conv6=2048,
            stages=(244, 488, 976, 1952), repeats=(3, 4, 6, 3), paper=_table6("2.3G", 22.8)),
    Variant("se_shufflenet_v2_164", 133_133_912, 12_604_268_184, note=_V2_164,
            stem=(64, 64, 128), stages=(340, 680, 1360, 2720), repeats=(10, 10, 23, 10),
            conv6=2048, residual=True, attention=Attention("se", reduction=1),
            paper=_table6("12.7G", 18.56)),
)
# fmt: on

Unit = Callable[[int, int, int], nn.Module]  # of input channels, output channels and stride


class LargeShuffleNet(ImageClassifier):
    """Table 2 of the appendix; attribute names are the table's layer names."""

    neck = ("conv6",)

    def __init__(
        self, variant: Variant, in_chans: int, small_input: bool, unit: Unit, first_unit: Unit
    ) -> None:
        super().__init__(variant, in_chans, small_input)
        stem: list[ConvBNAct] = []
        channels = in_chans
        for width in variant.stem:
            stride = 1 if stem or small_input else 2
            stem.append(ConvBNAct(channels, width, 3, stride=stride, act=nn.ReLU))
            channels = width
        self.conv1 = nn.Sequential(*stem)
        self.maxpool = nn.Identity() if small_input else nn.MaxPool2d(3, stride=2, padding=1)
        stages: list[nn.Sequential] = []
        for width, repeats in zip(variant.stages, variant.repeats, strict=True):
            units = [unit(channels, width, 2) if stages else first_unit(channels, width, 1)]
            units += [unit(width, width, 1) for _ in range(repeats - 1)]
            stages.append(nn.Sequential(*units))
            channels = width
        self.conv2, self.conv3, self.conv4, self.conv5 = stages
        self.conv6: nn.Module | None = None
        if variant.conv6 is not None:
            self.conv6 = pointwise(channels, variant.conv6, act=nn.ReLU)
            channels = variant.conv6
        self.num_features = channels
        initialise(self)

    def forward_features(self, x: Tensor) -> Tensor:
        x = self.maxpool(self.conv1(x))  # (batch, 64 or 128, 56, 56) for a picture of 224 × 224
        x = self.conv2(x)  # 56 × 56
        x = self.conv3(x)  # 28 × 28
        x = self.conv4(x)  # 14 × 14
        x = self.conv5(x)  # 7 × 7
        return x if self.conv6 is None else self.conv6(x)


def build(
    variant: Variant,
    *,
    in_chans: int,
    small_input: bool = False,
    attention: AttentionOption = None,
) -> LargeShuffleNet:
    """The network of a row with fresh weights; `attention` stands for the row's own."""
    chosen = variant.attention if attention is None else Attention.of(attention)
    unit: Unit
    if variant.groups is not None:
        of_v1 = partial(ShuffleUnit, attention=chosen)
        first_unit: Unit = partial(of_v1, groups=1, first_groups=1)
        unit = partial(of_v1, groups=variant.groups, first_groups=variant.groups)
    else:
        unit = first_unit = partial(
            shufflenet_v2.ShuffleUnit,
            authors=True,
            even_odd=True,
            residual=variant.residual,
            attention=chosen,
        )
    return LargeShuffleNet(variant, in_chans, small_input, unit, first_unit)
