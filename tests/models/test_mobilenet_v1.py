"""MobileNet V1: where attention sits, each listed difference."""

import pytest
import torch
from torch import Tensor

from martlet.errors import MartletError
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
