"""MobileNet V1: where attention sits, each listed difference."""

from collections import Counter

import pytest
import torch
from torch import Tensor

from martlet.errors import MartletError
from martlet.measuring.cost import Row, cost
from martlet.models import create_model
from martlet.models.mobilenet_v1 import DepthwiseSeparable, MobileNetV1
from martlet.ops.attention import CBAM, SqueezeExcite


def test_where_attention_sits() -> None:
    kinds = {"se": SqueezeExcite, "cbam": CBAM}
    for kind, module in kinds.items():
        attention = {"kind": kind, "placement": "everywhere"}
        for name, options in (("standard", {"attention": kind}), ("", {"attention": attention})):
            model = create_model("mobilenet_v1_x0_5", **options)
            assert all(isinstance(block.attention, module) for block in model.blocks)
            assert all(
                (block.depthwise_attention is None) == (name == "standard")
                for block in model.blocks
            )
    full = create_model("mobilenet_v1_full_conv", attention="se", small_input=True, num_classes=2)
    assert isinstance(full.blocks[0].attention, SqueezeExcite)


@pytest.mark.parametrize("placement", ["standard", "everywhere"])
def test_pair_by_the_paper(placement: str) -> None:
    torch.manual_seed(0)
    attention = create_model(
        "mobilenet_v1_x0_5", attention={"kind": "se", "placement": placement}
    ).blocks[1]
    for block in (DepthwiseSeparable(32, 64, 2), attention):
        assert isinstance(block, DepthwiseSeparable)
        x = torch.randn(2, 32, 8, 8)
        y = by_the_paper(block.eval(), x)
        torch.testing.assert_close(block(x), y)
        assert y.shape == (2, 64, 4, 4)
        assert y.min() >= 0


def by_the_paper(block: DepthwiseSeparable, x: Tensor) -> Tensor:
    """Figure 3 spelled out."""
    for layer, attention in (
        (block.depthwise, block.depthwise_attention),
        (block.pointwise, block.attention),
    ):
        x = layer.bn(layer.conv(x)).relu()
        if attention is not None:
            squeezed = attention.fc1(x.mean((2, 3), keepdim=True)).relu()
            x = x * attention.fc2(squeezed).sigmoid()
    return x


def kind_of(layer: Row) -> str:
    if layer.name.startswith("stem"):
        return "3x3"
    return next((kind for kind in ("depthwise", "pointwise") if kind in layer.name), "linear")


def test_where_multiply_adds_and_parameters_lie() -> None:
    """Table 2, in percent; its 1.19 for the 3×3 convolution would leave a sum of 99.3."""
    with torch.device("meta"):
        model = create_model("mobilenet_v1")
    macs, params = Counter[str](), Counter[str]()
    for layer in cost(model, (1, 3, 224, 224)).layers:
        if layer.type in ("Conv2d", "Linear"):
            macs[kind_of(layer)] += layer.macs
            params[kind_of(layer)] += layer.params
    shares = {
        kind: (100 * macs[kind] / macs.total(), 100 * params[kind] / params.total())
        for kind in macs
    }
    printed = {
        "pointwise": (94.86, 74.59),
        "depthwise": (3.06, 1.06),
        "3x3": (1.91, 0.02),
        "linear": (0.18, 24.33),
    }
    for kind, expected in printed.items():
        assert shares[kind] == pytest.approx(expected, abs=0.02), kind


@pytest.mark.parametrize(
    ("form", "width", "side", "macs", "params"),
    [
        ("full", 1.0, 14, 462, 2.36),
        ("separable", 1.0, 14, 52.3, 0.27),
        ("separable", 0.75, 14, 29.6, 0.15),
        ("separable", 0.75, 10, 15.1, 0.15),
    ],
)
def test_what_each_step_saves_on_one_layer(
    form: str, width: float, side: int, macs: float, params: float
) -> None:
    """Table 3: a layer of 512 channels on 14 × 14, millions; each row has the steps before it."""
    name = "mobilenet_v1_full_conv" if form == "full" else "mobilenet_v1"
    with torch.device("meta"):
        block = create_model(name).blocks[6]
        if width != 1.0:
            block = create_model(f"mobilenet_v1_x{width}".replace(".", "_")).blocks[6]
    channels = round(512 * width)
    found = cost(block, (1, channels, side, side))
    weights = sum(layer.params for layer in found.layers if layer.type == "Conv2d")
    assert found.macs / 1e6 == pytest.approx(macs, rel=0.005)
    assert weights / 1e6 == pytest.approx(params, abs=0.006)


def test_last_depthwise_convolution_has_stride_one() -> None:
    with torch.device("meta"):
        model = create_model("mobilenet_v1")
    assert model.blocks[-1].depthwise.conv.stride == (1, 1)
    assert model.forward_features(torch.empty(1, 3, 224, 224, device="meta")).shape[1:] == (
        (1024, 7, 7)
    )


def test_width_drops_the_fraction() -> None:
    channels = [model_channels(f"mobilenet_v1_{width}") for width in ("x0_7", "x0_1")]
    assert channels[0] == [22, 44, 89, 89, 179, 179, *[358] * 6, 716, 716]
    assert channels[1] == [8, 8, 12, 12, 25, 25, *[51] * 6, 102, 102]


def model_channels(name: str) -> list[int]:
    with torch.device("meta"):
        model = create_model(name)
    assert isinstance(model, MobileNetV1)
    convs = [model.stem.conv] + [block.pointwise.conv for block in model.blocks]
    return [conv.out_channels for conv in convs]


def test_unknown_activation() -> None:
    with pytest.raises(MartletError, match="act 'swish' is not known; accepted: relu, relu6"):
        create_model("mobilenet_v1", act="swish")
