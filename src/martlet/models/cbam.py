"""CBAM: Convolutional Block Attention Module (arXiv 1807.06521v2), on other papers' rows.

Costs and errors are those of Table 4, of Table 5 for the MobileNets. The networks with
Squeeze-and-Excitation that these tables compare with, and SENet's paper lacks, are here as well.

Differences from the paper and from the authors' code:

- Bottlenecks have their stride in the 3×3 convolution, as in the authors' code and in PyTorchCV,
  whose weights fit. The paper's MACs are those of `stride_first=True`. Test: every printed figure.
- The module sits at the end of a block's branch, with as many channels as the branch puts out.
  Test: exact params, PyTorchCV's outputs.
- The MobileNets have a module behind each depthwise and each pointwise convolution: only so are the
  printed params met; the paper does not say. Test: exact params.
- Table 1 prints 25.92M params for ResNet50 with CBAM, Table 4 28.09M; it is the latter. Test: exact
  params.
- `order="parallel"` adds the two gates before one sigmoid; the authors' code has the best order
  only. Test: the formula in numpy.
- The spatial gate's batch normalisation starts from a scale of 1, in the authors' code from 0, so
  that the gate starts as 0.5 everywhere. Test: the scale, and that all parameters get gradients.
"""

from functools import partial

from martlet.models import mobilenet_v1, resnet
from martlet.models.senet import MOBILENETS, RESNETS, SE, attended
from martlet.models.spec import Printed, Spec
from martlet.ops.attention import Attention

CBAM = Attention("cbam")


def _resnet(kind: str, base: str, params: int, macs: int, paper: Printed) -> resnet.Variant:
    attention = SE if kind == "se" else CBAM
    note = RESNETS[base].note  # where the MACs of the one are not the printed ones, so are these
    return attended(
        RESNETS[base], f"{kind}_{base}", params, macs, attention, paper=paper, note=note
    )


def _mobilenet(
    kind: str, width: str, params: int, macs: int, paper: Printed, name: str = "{}_mobilenet_v1_{}"
) -> mobilenet_v1.Variant:
    attention = Attention(kind, placement="everywhere")  # type: ignore[arg-type]
    base = MOBILENETS[f"mobilenet_v1_{width}"]
    return attended(base, name.format(kind, width), params, macs, attention, paper=paper)


_table4 = partial(Printed, source="Table 4")
_table5 = partial(Printed, source="Table 5")

_EVERYWHERE = "{}_mobilenet_v1_everywhere_{}"  # SENet's own has fewer modules

# fmt: off
VARIANTS: tuple[Spec, ...] = (
    _resnet("cbam", "resnet18", 11_779_392, 1_815_063_764, _table4("1.815G", "11.78M", 29.27)),
    _resnet("cbam", "resnet34", 21_960_468, 3_665_434_742, _table4("3.665G", "21.96M", 25.99)),
    _resnet("cbam", "resnet50", 28_089_624, 4_095_573_110, _table4("3.864G", "28.09M", 22.66)),
    _resnet("cbam", "resnet101", 49_330_172, 7_812_577_278, _table4("7.581G", "49.33M", 21.51)),
    _resnet("cbam", "resnext50_32x4d", 27_561_496, 4_236_868_726,
            _table4("3.774G", "27.56M", 21.92)),
    _resnet("cbam", "resnext101_32x4d", 48_958_716, 7_981_168_638,
            _table4("7.519G", "48.96M", 21.07)),
    _resnet("cbam", "wide_resnet18_x1_5", 26_075_516, 3_867_535_060,
            _table4("3.868G", "26.08M", 26.10)),
    _resnet("cbam", "wide_resnet18_x2_0", 45_971_256, 6_697_219_284,
            _table4("6.697G", "45.97M", 24.84)),
    _resnet("se", "wide_resnet18_x1_5", 26_074_716, 3_866_522_880,
            _table4("3.867G", "26.07M", 26.21)),
    _resnet("se", "wide_resnet18_x2_0", 45_970_456, 6_696_054_784,
            _table4("6.696G", "45.97M", 24.93)),
    _mobilenet("cbam", "x0_7", 2_707_194, 287_997_558, _table5("0.289G", "2.71M", 31.51)),
    _mobilenet("cbam", "x1_0", 5_074_714, 574_642_408, _table5("0.576G", "5.07M", 29.01)),
    _mobilenet("se", "x0_7", 2_704_594, 283_354_834, _table5("0.283G", "2.71M", 32.50),
               _EVERYWHERE),
    _mobilenet("se", "x1_0", 5_072_114, 569_568_896, _table5("0.570G", "5.07M", 29.97),
               _EVERYWHERE),
)
# fmt: on
