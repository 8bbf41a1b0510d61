"""MobileNet V1: other sizes, where attention sits, each listed difference."""

import pytest
import torch
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model, spec
from martlet.models.mobilenet_v1 import (
    AT_SIZES,
    PAIRS,
    SHALLOW,
    DepthwiseSeparable,
    MobileNetV1,
    other_width,
)
from martlet.models.spec import AtSize, as_number
from martlet.ops.attention import CBAM, SqueezeExcite


def counted(name: str, side: int = 224, **options: object) -> tuple[int, int]:
    """Params and MACs."""
    with torch.device("meta"):
        found = cost(create_model(name, **options), (1, 3, side, side))
    return found.params, found.macs


@pytest.mark.parametrize("at", AT_SIZES, ids=lambda at: f"{at.name}-{at.side}")
def test_macs_at_other_sizes(at: AtSize) -> None:
    params, macs = counted(at.name, at.side)
    assert at.paper.macs is not None
    assert at.paper.params is not None
    assert macs == pytest.approx(as_number(at.paper.macs), rel=0.01)
    assert params == pytest.approx(as_number(at.paper.params), rel=0.01)


def test_shallow_lacks_five_layers_of_512_channels() -> None:
    assert len(PAIRS) == 13
    assert PAIRS[:6] + ((1, 512),) * 5 + PAIRS[11:] == PAIRS
    assert PAIRS[:6] + PAIRS[11:] == SHALLOW
    assert len(SHALLOW) == 8


@pytest.mark.parametrize(
    ("row", "base", "attention"),
    [
        ("se_mobilenet_v1_x1_0", "x1_0", "se"),
        ("se_mobilenet_v1_everywhere_x0_7", "x0_7", {"kind": "se", "placement": "everywhere"}),
        ("cbam_mobilenet_v1_x1_0", "x1_0", {"kind": "cbam", "placement": "everywhere"}),
    ],
)
def test_attention_by_option_is_the_network_of_the_row(
    row: str, base: str, attention: object
) -> None:
    twin = spec(row)
    assert counted(f"mobilenet_v1_{base}", attention=attention) == (twin.params, twin.macs)


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
    plain = create_model("mobilenet_v1_x0_5")
    assert not any("attention" in name for name, _ in plain.named_modules())
    with pytest.raises(MartletError, match="placement 'before' is not known"):
        create_model("mobilenet_v1_x0_5", attention={"kind": "se", "placement": "before"})
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


def test_other_width() -> None:
    row = spec("mobilenet_v1_x0_6")
    assert (row.params, row.macs) == counted(row.name)
    for name in ("mobilenet_v1_x0_0", "mobilenet_v1_x4_1", "mobilenet_v1_1_0", "mobilenet_v2_x0_6"):
        assert other_width(name) is None


def test_unknown_activation() -> None:
    with pytest.raises(MartletError, match="act 'swish' is not known; accepted: relu, relu6"):
        create_model("mobilenet_v1", act="swish")


def test_no_dropout_unless_asked_for() -> None:
    model = create_model("mobilenet_v1_x0_25", num_classes=0)
    assert torch.equal(model.forward_head(torch.ones(2, 256, 2, 2)), torch.ones(2, 256))


# Size of the network that weiaicunzai/pytorch-cifar100 trains; it states 3.3M params.
def test_form_for_small_pictures() -> None:
    params, macs = counted("mobilenet_v1", 32, num_classes=100, small_input=True)
    assert params / 1e6 == pytest.approx(3.3, abs=0.05)
    assert macs == 175_648_768
    model = create_model("mobilenet_v1_x0_25", num_classes=3, small_input=True)
    assert model.forward_features(torch.randn(2, 3, 32, 32)).shape == (2, 256, 4, 4)
    assert [m.stride for m in model.modules() if isinstance(m, nn.Conv2d)].count((2, 2)) == 3
