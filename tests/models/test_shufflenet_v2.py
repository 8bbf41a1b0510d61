"""ShuffleNet V2: the differences that the file lists. Figures are in docs/family.md.

That the units compute what torchvision's and PyTorchCV's do is tested in weights/.
"""

from typing import Any

import pytest
import torch
from tests.models.comparison import lively
from torch import nn

from martlet.errors import MartletError
from martlet.models import create_model, spec
from martlet.models.shufflenet_v2 import ShuffleUnit
from martlet.ops.attention import Attention

WIDTHS = ("x0_5", "x1_0", "x1_5", "x2_0")


def test_the_hidden_layer_of_squeeze_and_excitation() -> None:
    plain, row = spec("shufflenet_v2_authors_x2_0"), spec("se_shufflenet_v2_x2_0")
    branches = [220, *[122] * 3, *[244] * 8, *[488] * 4]
    assert row.macs - plain.macs == sum(2 * width * width for width in branches)
    assert row.params - plain.params == sum(2 * width * (width + 1) for width in branches)
    assert round((2 * row.macs - plain.macs) / 1e6) == 597  # the note


def test_the_extra_depthwise_layer() -> None:
    for width in WIDTHS:
        plain = spec(f"shufflenet_v2_authors_{width}")
        row = spec(f"shufflenet_v2_detection_{width}")
        inputs = (24, *plain.stages[:2])  # of the stages' first units, twice as large
        layers = [
            (channels, 4 * pixels) for channels, pixels in zip(inputs, (784, 196, 49), strict=True)
        ] + [
            (channels // 2, (units - 1) * pixels)
            for channels, units, pixels in zip(plain.stages, (4, 8, 4), (784, 196, 49), strict=True)
        ]
        assert row.macs - plain.macs == sum(9 * channels * pixels for channels, pixels in layers)
    main = ShuffleUnit(8, 8, stride=1, authors=True, even_odd=True, extra_depthwise=True).main
    assert [layer.conv.groups for layer in main] == [4, 1, 4, 1]
    assert [layer.act is None for layer in main] == [True, False, True, False]


def test_half_of_the_channels_pass_unchanged() -> None:
    unit = ShuffleUnit(8, 8, stride=1).eval()
    x = torch.randn(1, 8, 5, 5)
    y = unit(x)
    assert torch.equal(y[:, 0::2], x[:, :4])
    assert torch.equal(y[:, 1::2], unit.main(x[:, 4:]))


def test_both_branches_of_a_stride_two_unit_give_half() -> None:
    unit = ShuffleUnit(6, 20, stride=2).eval()
    assert unit.shortcut is not None
    x = torch.randn(1, 6, 9, 9)
    y = unit(x)
    assert y.shape == (1, 20, 5, 5)
    assert torch.equal(y[:, 0::2], unit.shortcut(x))
    assert torch.equal(y[:, 1::2], unit.main(x))


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
@pytest.mark.parametrize("needs_gradient", [False, True])
def test_units_of_the_authors(layout: torch.memory_format, needs_gradient: bool) -> None:
    keep = lively(ShuffleUnit(8, 8, stride=1, authors=True, even_odd=True))
    x = torch.randn(2, 8, 6, 6).contiguous(memory_format=layout).requires_grad_(needs_gradient)
    y = keep(x)
    assert torch.equal(y, torch.cat((x[:, 0::2], keep.main(x[:, 1::2])), 1))
    assert y.is_contiguous(memory_format=layout)

    shrink = lively(ShuffleUnit(8, 20, stride=2, authors=True, even_odd=True))
    y = shrink(x)
    assert torch.equal(y, torch.cat((shrink.shortcut(x), shrink.main(x)), 1))
    assert (shrink.shortcut(x).shape[1], shrink.main(x).shape[1]) == (8, 12)
    assert y.is_contiguous(memory_format=layout)


@pytest.mark.parametrize("kind", ["se", "cbam"])
@pytest.mark.parametrize("even_odd", [False, True])
def test_attention_gates_the_main_branch(kind: str, even_odd: bool) -> None:
    gated = lively(
        ShuffleUnit(8, 8, stride=1, even_odd=even_odd, attention=Attention(kind, reduction=2))
    )
    x = torch.randn(2, 8, 5, 5)
    changing = x[:, 1::2] if even_odd else x[:, 4:]
    expected = gated.attention(gated.main(changing))
    torch.testing.assert_close(gated(x)[:, 4:] if even_odd else gated(x)[:, 1::2], expected)


def test_even_and_odd_is_another_network_than_a_shuffle_after() -> None:
    torch.manual_seed(0)
    authors = lively(create_model("shufflenet_v2_authors_x0_5", num_classes=5))
    after = create_model("shufflenet_v2_authors_x0_5", num_classes=5, shuffle="after").eval()
    after.load_state_dict(authors.state_dict())
    x = torch.randn(1, 3, 64, 64)
    assert not torch.allclose(authors(x), after(x), atol=1e-3)


@pytest.mark.parametrize(
    ("option", "sentence"),
    [
        ({"shuffle": "before"}, "shuffle 'before' is not known; .*after"),
        ({"conv5": 0}, "conv5=0 leaves no channel"),
        ({"attention": Attention("se", reduction=64)}, "reduction=64 leaves no unit of 24"),
    ],
)
def test_values_out_of_range(option: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        create_model("shufflenet_v2_x0_5", **option)


@pytest.mark.parametrize("channels", [(8, 9, 2, False), (8, 8, 2, True), (2, 0, 2, False)])
def test_channels_that_do_not_halve(channels: tuple[int, int, int, bool]) -> None:
    in_channels, out_channels, stride, authors = channels
    with pytest.raises(MartletError, match=f"{in_channels} channels in and {out_channels} out"):
        ShuffleUnit(in_channels, out_channels, stride, authors=authors)


def test_weights_start_from_he_law_per_group() -> None:
    torch.manual_seed(0)
    model = create_model("shufflenet_v2_x2_0")
    for conv in (m for m in model.modules() if isinstance(m, nn.Conv2d)):
        fan_out = conv.out_channels // conv.groups * conv.weight[0, 0].numel()
        assert conv.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.12)
