"""MobileNetV2: other sizes, other rounding, PyTorchCV's form, attention.

That the blocks compute what torchvision's do is tested with its weights, in weights/.
"""

import pytest
import torch
import torchvision
from pytorchcv.model_provider import get_model
from tests.models.comparison import assert_same, randomise
from torch import nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.models.mobilenet_v2 import AT_SIZES, InvertedResidual, MobileNetV2
from martlet.models.spec import AtSize, as_number
from martlet.ops.attention import CBAM, SqueezeExcite


@pytest.mark.parametrize("round_nearest", [1, 4, 16])
def test_params_of_torchvision_with_other_rounding(round_nearest: int) -> None:
    with torch.device("meta"):
        theirs = torchvision.models.MobileNetV2(width_mult=0.55, round_nearest=round_nearest)
        ours = create_model("mobilenet_v2_x0_55", round_nearest=round_nearest)
    assert [p.shape for p in ours.parameters()] == [p.shape for p in theirs.parameters()]
    with pytest.raises(MartletError, match="round_nearest=0 is not accepted; give 1 or more"):
        create_model("mobilenet_v2", round_nearest=0)


@pytest.mark.parametrize("at", AT_SIZES, ids=lambda at: f"{at.name}-{at.side}")
def test_macs_at_other_sizes(at: AtSize) -> None:
    """Within 1 %, or the README's figure when the fraction is dropped."""
    with torch.device("meta"):
        found = cost(create_model(at.name), (1, 3, at.side, at.side))
    assert at.paper.macs is not None
    assert at.paper.params is not None
    printed = as_number(at.paper.macs)
    assert 0 <= found.macs - printed < 1e6 or found.macs == pytest.approx(printed, rel=0.01)
    assert found.params == pytest.approx(as_number(at.paper.params), rel=0.015)


# PyTorchCV's mobilenetv2_w1 expands in its first block too, and its classifier has no bias.
def test_the_form_that_expands_in_its_first_block() -> None:
    torch.manual_seed(0)
    source = get_model("mobilenetv2_w1")
    source.features.final_pool = nn.AdaptiveAvgPool2d(1)  # for pictures of any size
    randomise(source)
    model = create_model("mobilenet_v2_x1_0", expand_first=True).eval()
    values = [*source.state_dict().values(), torch.zeros_like(model.classifier.bias)]
    state = dict(zip(model.state_dict(), values, strict=True))
    state["classifier.weight"] = state["classifier.weight"].flatten(1)
    model.load_state_dict(state)
    assert_same(source, model, torch.randn(2, 3, 64, 64))


def test_residual_only_where_shapes_agree() -> None:
    x = torch.randn(1, 8, 6, 6)
    same = InvertedResidual(8, 8, 1, 6).eval()
    assert torch.equal(same(x), x + same.layers(x))
    for block in (InvertedResidual(8, 16, 1, 6).eval(), InvertedResidual(8, 8, 2, 6).eval()):
        assert torch.equal(block(x), block.layers(x))


def test_bottleneck_is_linear() -> None:
    block = InvertedResidual(8, 16, 1, 6).eval()
    assert block(torch.randn(2, 8, 6, 6)).min() < 0
    assert len(InvertedResidual(8, 16, 1, 1).layers) == 2  # t=1: nothing to expand


@pytest.mark.parametrize(("kind", "module"), [("se", SqueezeExcite), ("cbam", CBAM)])
def test_attention_behind_the_depthwise_convolution(kind: str, module: type[nn.Module]) -> None:
    model = create_model("mobilenet_v2_x0_5", num_classes=2, attention=kind).eval()
    for block in model.blocks:
        assert isinstance(block.attention, module)
    block, x = model.blocks[3], torch.randn(2, 16, 6, 6)
    expand, filtering, project = block.layers
    y = project(block.attention(filtering(expand(x))))
    assert torch.equal(block(x), x + y if block.residual else y)


def test_an_activated_bottleneck_has_no_value_below_zero() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 3, 32, 32)
    for linear in (True, False):
        model = create_model("mobilenet_v2_x0_35", linear=linear, shortcut="none").eval()
        assert isinstance(model, MobileNetV2)
        out = model.blocks(model.stem(x))
        assert (out.min().item() >= 0) is not linear


def test_without_shortcuts_blocks_are_their_layers() -> None:
    model = create_model("mobilenet_v2_x0_35", shortcut="none")
    assert isinstance(model, MobileNetV2)
    assert not any(block.residual for block in model.blocks)
    x = torch.randn(2, 8, 9, 9)
    block = InvertedResidual(8, 8, 1, 6, shortcut=False).eval()
    assert torch.equal(block(x), block.layers(x))


def test_the_expansion_of_all_blocks_but_the_first() -> None:
    model = create_model("mobilenet_v2_x1_0", expansion=3)
    assert isinstance(model, MobileNetV2)
    hidden = [block.layers[-1].conv.in_channels for block in model.blocks]
    whole = create_model("mobilenet_v2_x1_0")
    assert isinstance(whole, MobileNetV2)
    assert hidden[0] == 32
    assert hidden[1:] == [block.layers[-1].conv.in_channels // 2 for block in whole.blocks[1:]]
    with pytest.raises(MartletError, match="expansion=0 is not accepted; give 1 or more"):
        create_model("mobilenet_v2", expansion=0)


def test_shortcuts_between_expansions_join_wide_maps_of_one_shape() -> None:
    torch.manual_seed(0)
    model = create_model("mobilenet_v2_x0_35", shortcut="expansion").eval()
    assert isinstance(model, MobileNetV2)
    blocks = list(model.blocks)
    # Where the block before has as many wide channels, and no stride lies between.
    joined = [number for number, found in enumerate(model.blocks.joined) if found]
    assert joined == [2, 5, 8, 9, 10, 12, 15, 16]
    first, second = blocks[4:6]
    x = torch.randn(2, first.layers[0].conv.in_channels, 9, 9)
    wide = first.layers[:-1](x)
    other = second.layers[:-1](first.layers[-1](wide))
    expected = second.layers[-1](other + wide)
    assert torch.allclose(type(model.blocks)(first, second)(x), expected, atol=1e-6)
    with pytest.raises(MartletError, match=r"^shortcut='expansion' and attention exclude each oth"):
        create_model("mobilenet_v2", shortcut="expansion", attention="se")
