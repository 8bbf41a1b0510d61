"""Squeeze-and-Excitation Networks (arXiv 1709.01507v4): the attention put on other papers' rows.

The file that a row stems from builds its network. MACs and errors are those of Table 2, of Table 3
for the two small networks, of Table 8 for SENet-154 and, where the paper has no such network, of
CBAM's Table 4 (arXiv 1807.06521).

Differences from the paper and from the authors' code:

- SE-ResNets with bottlenecks have their stride in the first 1×1 convolution, as in the authors'
  Caffe models and as the printed MACs ask for. The ResNets here have it in the 3×3, and so has
  timm's seresnet50: `stride_first=False`. Test: exact MACs, timm's outputs.
- Max-pooling pads one pixel; `ceil_pool=True` is that of the authors' Caffe models. Test: outputs
  of timm's copies of these.
- SENet-154 is ResNeXt-152 64×4d with the four changes that the paper lists: the first 1×1
  convolution of a block is half as wide, the first 7×7 convolution is three of 3×3, shortcuts of
  stride 2 are 3×3, dropout of 0.2 before the classifier. The three have 64, 64 and 128 channels, as
  in the authors' code; the paper does not say. Test: timm's outputs.
- SE-MobileNet has one module behind each pointwise convolution, SE-ShuffleNet one at the end of
  each branch: so the printed params are met; the paper does not say. Test: exact params.
  SE-ShuffleNet at twice the width, of ShuffleNet's own paper, is in shufflenet_v1.py.
- All modules have r=16 and biases, as in the authors' code. Test: params of Table 10.
"""

from dataclasses import replace
from typing import Any, TypeVar

from martlet.models import mobilenet_v1, resnet, shufflenet_v1
from martlet.models.spec import NOT_PRINTED, Printed, Spec
from martlet.ops.attention import Attention

Row = TypeVar("Row", resnet.Variant, mobilenet_v1.Variant, shufflenet_v1.Variant)

RESNETS = {row.name: row for row in resnet.VARIANTS}
MOBILENETS = {row.name: row for row in mobilenet_v1.VARIANTS}
SHUFFLENETS = {row.name: row for row in shufflenet_v1.VARIANTS}
SE = Attention("se")


def attended(
    row: Row, name: str, params: int, macs: int, attention: Attention, **changes: Any
) -> Row:
    """`row` under another name, with `attention` and without what holds for it alone."""
    plain: dict[str, Any] = {"paper": NOT_PRINTED, "note": "", "aliases": (), "weights": None}
    return replace(
        row, name=name, params=params, macs=macs, attention=attention, **(plain | changes)
    )


def _se(base: str, params: int, macs: int, paper: Printed, **changes: Any) -> resnet.Variant:
    return attended(RESNETS[base], f"se_{base}", params, macs, SE, paper=paper, **changes)


def _table2(macs: str, error: float, params: str | None = None) -> Printed:
    return Printed(macs, params, error, "Table 2" if params is None else "Tables 2 and 10")


def _cifar(base: str, params: int, macs: int) -> resnet.Variant:
    return _se(base, params, macs, NOT_PRINTED, aliases=(f"se{base}_cifar10",))


_SHUFFLENET = (
    "2.48M params are printed as 2.4M; Table 3 counts 140M MACs without SE, ShuffleNet's paper 137M"
)

# fmt: off
VARIANTS: tuple[Spec, ...] = (
    _se("resnet18", 11_778_592, 1_814_160_384, Printed("1.814G", "11.78M", 29.41, "CBAM, Table 4")),
    _se("resnet34", 21_958_868, 3_663_918_592, Printed("3.664G", "21.96M", 26.13, "CBAM, Table 4")),
    _se("resnet50", 28_088_024, 3_860_488_192, _table2("3.87G", 23.29, "28.1M"), stride_first=True),
    _se("resnet101", 49_326_872, 7_574_937_600, _table2("7.60G", 22.38), stride_first=True),
    _se("resnet152", 66_821_848, 11_288_993_792, _table2("11.32G", 21.57), stride_first=True),
    _se("resnext50_32x4d", 27_559_896, 4_232_994_816, _table2("4.25G", 21.10),
        aliases=("seresnext50_32x4d",)),
    _se("resnext101_32x4d", 48_955_416, 7_974_739_968, _table2("8.00G", 20.70),
        aliases=("seresnext101_32x4d",)),
    resnet.Variant("senet154", 115_088_984, 20_688_363_520, repeats=(3, 8, 36, 3),
                   bottleneck=True, groups=64, inner=4, stem=(64, 64, 128), halved=True,
                   projection=3, drop_rate=0.2, attention=SE,
                   paper=Printed(top1_error=18.68, source="Table 8")),
    _cifar("resnet20", 274_847, 40_815_200),
    _cifar("resnet56", 862_889, 125_753_888),
    _cifar("resnet110", 1_744_952, 253_161_920),
    attended(MOBILENETS["mobilenet_v1_x1_0"], "se_mobilenet_v1_x1_0", 4_718_044, 569_220_096, SE,
             paper=Printed("572M", "4.7M", 25.3, "Table 3")),
    attended(SHUFFLENETS["shufflenet_v1_g3_x1_0"], "se_shufflenet_v1_g3_x1_0", 2_484_533,
             138_071_088, SE, paper=Printed("142M", "2.4M", 31.0, "Table 3"), note=_SHUFFLENET),
)
# fmt: on
