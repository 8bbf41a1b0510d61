"""MobileNetV3: torchvision's forms and timm's minimalistic one, each listed difference."""

from collections.abc import Mapping

import pytest
import timm
import torch
from tests.models.comparison import assert_same, randomise
from torch import Tensor, nn
from torchvision.models import mobilenetv3 as theirs

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import create_model
from martlet.models.mobilenet_v3 import InvertedResidual, MobileNetV3, Variant
from martlet.models.mobilenet_v3_form import BLOCKS, Block, Form, Size
from martlet.ops.attention import CBAM, SqueezeExcite


def of_torchvision(size: str, width: float = 1.0, **options: bool) -> nn.Module:
    rows, last = theirs._mobilenet_v3_conf(f"mobilenet_v3_{size}", width_mult=width, **options)
    return theirs.MobileNetV3(rows, last, num_classes=5)


def in_order(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """`state` under the model's names: the layers stand in the same order.

    timm's head has a 1×1 convolution for our linear layer.
    """
    renamed = dict(zip(model.state_dict(), state.values(), strict=True))
    renamed["hidden.weight"] = renamed["hidden.weight"].flatten(1)
    assert [t.shape for t in renamed.values()] == [t.shape for t in model.state_dict().values()]
    return renamed


def test_printed_figures_of_the_narrow_small_network_are_those_of_1280_units() -> None:
    with torch.device("meta"):
        network = MobileNetV3(Variant("", 0, 0, size="small", hidden=1280, width=0.75), Form())
        network.add_head(1000, 0.0)
    found = cost(network, (1, 3, 224, 224))
    assert found.params == 2_408_720  # 2.4M
    assert round(found.macs / 1e6, 2) == 43.77  # 44M


@pytest.mark.parametrize("size", ["large", "small"])
@pytest.mark.parametrize(
    "options", [{"reduced_tail": True}, {"dilated": True}], ids=["reduced", "dilated"]
)
def test_outputs_of_torchvision(size: str, options: dict[str, bool]) -> None:
    torch.manual_seed(0)
    source = randomise(of_torchvision(size, **options))
    model = create_model(f"mobilenet_v3_{size}", num_classes=5, **options).eval()
    model.load_state_dict(in_order(source.state_dict(), model))
    assert_same(source, model, torch.randn(2, 3, 65, 96))
    side = 4 if "dilated" in options else 2
    assert model.forward_features(torch.randn(1, 3, 64, 64).double()).shape[2:] == (side, side)


@pytest.mark.parametrize("size", ["large", "small"])
@pytest.mark.parametrize(
    "width", [0.35, *(pytest.param(width, marks=pytest.mark.long) for width in (0.5, 0.75, 1.25))]
)
@pytest.mark.parametrize("reduced_tail", [False, True])
def test_shapes_of_torchvision_at_other_widths(
    size: Size, width: float, reduced_tail: bool
) -> None:
    name = f"mobilenet_v3_{size}_x{width}".replace(".", "_")
    with torch.device("meta"):
        source = of_torchvision(size, width, reduced_tail=reduced_tail)
        model = create_model(name, num_classes=5, scaling="torchvision", reduced_tail=reduced_tail)
    assert [p.shape for p in model.parameters()] == [p.shape for p in source.parameters()]
    assert cost(model, (1, 3, 224, 224)).macs == cost(source, (1, 3, 224, 224)).macs


@pytest.mark.parametrize("size", ["large", "small"])
def test_minimalistic_network_of_timm(size: str) -> None:
    torch.manual_seed(0)
    source = randomise(
        timm.create_model(f"tf_mobilenetv3_{size}_minimal_100", num_classes=5, pad_type="")
    )
    model = create_model(f"mobilenet_v3_{size}_minimalistic", num_classes=5).eval()
    model.load_state_dict(in_order(source.state_dict(), model))
    assert_same(source, model, torch.randn(2, 3, 65, 96))
    kinds = {type(module) for module in model.modules()}
    assert not kinds & {SqueezeExcite, nn.Hardswish, nn.Hardsigmoid}
    assert not any(isinstance(m, nn.Conv2d) and m.kernel_size == (5, 5) for m in model.modules())


def test_block_by_the_paper() -> None:
    torch.manual_seed(0)
    block = InvertedResidual(8, 24, 8, Block(5, 0, 0, True, "HS", 1)).eval()
    x = torch.randn(2, 8, 6, 6)

    def conv(name: str, y: Tensor) -> Tensor:
        layer = block.get_submodule(name)
        return layer.bn(layer.conv(y))

    y = hard_swish(conv("expand", x))
    y = hard_swish(conv("depthwise", y))
    gate = block.attention
    assert isinstance(gate, SqueezeExcite)
    assert gate.fc1.out_channels == 8  # a quarter of 24, rounded to a multiple of 8
    squeezed = gate.fc2(gate.fc1(y.mean((2, 3), keepdim=True)).relu())
    y = conv("project", y * nn.functional.relu6(squeezed + 3) / 6)
    torch.testing.assert_close(block(x), x + y)
    strided = InvertedResidual(8, 24, 8, Block(3, 0, 0, False, "RE", 2)).eval()
    assert strided(x).shape == (2, 8, 3, 3)
    assert not strided.residual
    assert InvertedResidual(8, 8, 8, Block(3, 0, 0, False, "RE", 1)).expand is None


def hard_swish(x: Tensor) -> Tensor:
    return x * nn.functional.relu6(x + 3) / 6


def test_normalisation() -> None:
    norms = [m for m in create_model("mobilenet_v3_small").modules() if type(m) is nn.BatchNorm2d]
    assert {(norm.eps, norm.momentum) for norm in norms} == {(1e-3, 0.01)}
    network = create_model("mobilenet_v3_small", bn_eps=1e-5)
    assert {m.eps for m in network.modules() if isinstance(m, nn.BatchNorm2d)} == {1e-5}


def test_squeeze_and_excitation_behind_the_last_convolution() -> None:
    model = create_model("mobilenet_v3_small_paper", num_classes=3).eval()
    x = torch.randn(2, 3, 32, 32)
    before = model.last(model.blocks(model.stem(x)))
    assert torch.equal(model.forward_features(x), model.last_attention(before))
    levels = create_model("mobilenet_v3_small_paper", features_only=True).feature_info
    assert levels.channels() == [16, 16, 24, 48, 96]
    assert levels.reduction() == [2, 4, 8, 16, 32]


@pytest.mark.parametrize(("kind", "module"), [("se", SqueezeExcite), ("cbam", CBAM)])
def test_other_attention_in_every_block(kind: str, module: type[nn.Module]) -> None:
    for name in ("mobilenet_v3_small", "mobilenet_v3_small_minimalistic"):
        model = create_model(name, attention=kind, num_classes=2)
        assert all(isinstance(block.attention, module) for block in model.blocks)
    gate = create_model("mobilenet_v3_small", attention="se").blocks[0].attention
    assert isinstance(gate.gate, nn.Sigmoid)
    plain = create_model("mobilenet_v3_small").blocks
    assert [block.attention is not None for block in plain] == [
        row.squeeze for row in BLOCKS["small"]
    ]


@pytest.mark.parametrize("size", ["large", "small"])
def test_form_for_small_pictures(size: str) -> None:
    for dilated, side in ((False, 4), (True, 8)):
        with torch.device("meta"):
            model = create_model(f"mobilenet_v3_{size}", small_input=True, dilated=dilated)
            assert model.reduction == 32 // side
            assert model.forward_features(torch.empty(1, 3, 32, 32)).shape[2:] == (side, side)


def test_dropout_sits_behind_the_hidden_layer() -> None:
    model = create_model("mobilenet_v3_small", num_classes=0, drop_rate=0.5)
    features = torch.rand(4, 576, 2, 2) * 100
    share = (model.forward_head(features) == 0).float().mean() - (
        model.pool(features) == 0
    ).float().mean()
    assert share > 0.1
    assert torch.equal(model.eval().forward_head(features), model.pool(features))


@pytest.mark.parametrize(
    ("option", "value", "sentence"),
    [
        ("scaling", "keras", "scaling 'keras' is not known; accepted: authors, torchvision"),
        ("bn_eps", 0.0, "bn_eps=0.0 is not accepted; give a number above 0"),
    ],
)
def test_value_that_is_not_accepted(option: str, value: object, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        create_model("mobilenet_v3_small", **{option: value})


def activations(**options: object) -> list[bool]:
    """Of the stem, the blocks' depthwise convolutions, the last one and the head: is it h-swish?"""
    model = create_model("mobilenet_v3_large_x1_0", **options)
    assert isinstance(model, MobileNetV3)
    layers = [model.stem, *(block.depthwise for block in model.blocks), model.last]
    return [
        *(any(isinstance(one, nn.Hardswish) for one in layer.modules()) for layer in layers),
        isinstance(model.hidden_act, nn.Hardswish),
    ]


def test_h_swish_begins_where_table_5_says() -> None:
    assert activations() == [True, *[False] * 6, *[True] * 9, True, True]
    assert activations(hardswish_from=16) == [True] * 18
    assert activations(hardswish_from=112) == [False, *[False] * 10, *[True] * 5, True, True]
    assert activations(hardswish=False) == [False] * 18


def test_without_squeeze_no_block_has_it() -> None:
    model = create_model("mobilenet_v3_small_x1_0", squeeze=False)
    assert not any(isinstance(module, SqueezeExcite) for module in model.modules())
    assert cost(model, (1, 3, 64, 64)).macs < cost(create_model("mobilenet_v3_small"),
                                                   (1, 3, 64, 64)).macs  # fmt: skip


def test_two_words_about_h_swish_contradict_each_other() -> None:
    with pytest.raises(MartletError, match="hardswish_from=16 and hardswish=False contradict"):
        create_model("mobilenet_v3_small", hardswish=False, hardswish_from=16)
