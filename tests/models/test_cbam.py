"""CBAM's networks: every figure of its Tables 4 and 5. Outputs are compared in weights/."""

from typing import Any

import pytest
import torch

from martlet.measuring.cost import cost
from martlet.models import Attention, create_model, list_models, spec
from martlet.ops.attention import CBAM, SqueezeExcite

# Tables 4 and 5: params in millions and GFLOPs, with SE and with CBAM.
PRINTED = {
    "resnet18": ((11.78, 1.814), (11.78, 1.815)),
    "resnet34": ((21.96, 3.664), (21.96, 3.665)),
    "resnet50": ((28.09, 3.860), (28.09, 3.864)),
    "resnet101": ((49.33, 7.575), (49.33, 7.581)),
    "wide_resnet18_x1_5": ((26.07, 3.867), (26.08, 3.868)),
    "wide_resnet18_x2_0": ((45.97, 6.696), (45.97, 6.697)),
    "resnext50_32x4d": ((27.56, 3.771), (27.56, 3.774)),
    "resnext101_32x4d": ((48.96, 7.512), (48.96, 7.519)),
}
MOBILE = {"x1_0": ((5.07, 0.570), (5.07, 0.576)), "x0_7": ((2.71, 0.283), (2.71, 0.289))}


@pytest.mark.parametrize("base", PRINTED)
def test_every_figure_of_table_4(base: str) -> None:
    for kind, (params, giga) in zip(("se", "cbam"), PRINTED[base], strict=True):
        with torch.device("meta"):
            found = cost(create_model(f"{kind}_{base}", stride_first=True), (1, 3, 224, 224))
        assert found.params / 1e6 == pytest.approx(params, abs=0.005)
        assert found.macs / 1e9 == pytest.approx(giga, abs=0.00051)


@pytest.mark.parametrize("width", MOBILE)
def test_every_figure_of_table_5(width: str) -> None:
    names = f"se_mobilenet_v1_everywhere_{width}", f"cbam_mobilenet_v1_{width}"
    for name, (params, giga) in zip(names, MOBILE[width], strict=True):
        assert spec(name).params / 1e6 == pytest.approx(params, abs=0.006)
        # The printed cost of CBAM is some 1.5M higher: pooling, as it seems.
        assert spec(name).macs / 1e9 == pytest.approx(giga, abs=0.0016)


@pytest.mark.parametrize("name", [name for name in list_models("cbam_*") if "res" in name])
def test_each_module_adds_100_params_to_se(name: str) -> None:
    """A convolution of 2·7·7 weights and a batch normalisation of 2, for each block."""
    with torch.device("meta"):
        network = create_model(name)
    blocks = sum(isinstance(module, CBAM) for module in network.modules())
    assert spec(name).params - spec(name.replace("cbam", "se")).params == 100 * blocks


@pytest.mark.parametrize("base", ["resnet18", "resnet50", "resnext50_32x4d"])
@pytest.mark.parametrize("attention", ["cbam", Attention("cbam"), {"kind": "cbam"}], ids=type)
def test_attention_on_the_backbone_is_the_same_network(base: str, attention: Any) -> None:
    with torch.device("meta"):
        row, other = create_model(f"cbam_{base}"), create_model(base, attention=attention)
        large = torch.empty(1, 3, 224, 224)
    shapes = [(key, tensor.shape) for key, tensor in row.state_dict().items()]
    assert [(key, tensor.shape) for key, tensor in other.state_dict().items()] == shapes
    assert cost(row, tuple(large.shape)).macs == cost(other, tuple(large.shape)).macs


def test_modules_of_the_mobilenets() -> None:
    for kind, module in (("se", SqueezeExcite), ("cbam", CBAM)):
        attention = Attention(kind, placement="everywhere")  # type: ignore[arg-type]
        with torch.device("meta"):
            network = create_model("mobilenet_v1_x1_0", attention=attention)
        assert sum(isinstance(m, module) for m in network.modules()) == 26


@pytest.mark.parametrize("order", ["spatial_first", "parallel"])
def test_other_orders_of_table_3(order: str) -> None:
    attention = {"kind": "cbam", "order": order}
    network = create_model("resnet20", attention=attention)
    first = next(module for module in network.modules() if isinstance(module, CBAM))
    assert first.order == order
    assert network(torch.randn(2, 3, 32, 32)).isfinite().all()
