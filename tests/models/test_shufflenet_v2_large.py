"""The large ShuffleNets: what the appendix prints, and what it leaves open."""

import torch
from torch import nn

from martlet.models import create_model, spec
from martlet.models.shufflenet_v2 import ShuffleUnit
from martlet.models.spec import as_number
from martlet.ops.attention import Attention


def built(name: str) -> nn.Module:
    with torch.device("meta"):
        return create_model(name)


def test_a_bottleneck_of_a_quarter_gives_half_of_the_printed_macs() -> None:
    row = spec("shufflenet_v1_50")
    assert 0.5 < row.macs / as_number(row.paper.macs) < 0.55
    bottleneck = {unit: unit.compress.conv.out_channels for unit in v1_units()}
    assert sorted({*bottleneck.values()}) == [90, 180, 360, 720]  # a quarter


def v1_units() -> list[nn.Module]:
    network = built("shufflenet_v1_50")
    stages = (network.conv2, network.conv3, network.conv4, network.conv5)
    return [unit for stage in stages for unit in stage]


def test_layers_of_the_table() -> None:
    for name, stem, repeats, widths in (
        ("shufflenet_v1_50", [64], [3, 4, 6, 3], [360, 720, 1440, 2880]),
        ("shufflenet_v2_50", [64], [3, 4, 6, 3], [244, 488, 976, 1952]),
        ("se_shufflenet_v2_164", [64, 64, 128], [10, 10, 23, 10], [340, 680, 1360, 2720]),
    ):
        network = built(name)
        assert [layer.conv.out_channels for layer in network.conv1] == stem
        assert [layer.conv.stride[0] for layer in network.conv1] == [2, 1, 1][: len(stem)]
        x = network.maxpool(network.conv1(torch.empty(1, 3, 224, 224, device="meta")))
        stages = (network.conv2, network.conv3, network.conv4, network.conv5)
        for stage, units, width, side in zip(stages, repeats, widths, (56, 28, 14, 7), strict=True):
            x = stage(x)
            assert len(stage) == units
            assert x.shape[1:] == (width, side, side)
        assert (network.conv6 is None) == (name == "shufflenet_v1_50")


def test_first_unit_of_version_1_has_one_group() -> None:
    first, *others = v1_units()
    assert (first.compress.conv.groups, first.expand.conv.groups, first.groups) == (1, 1, 1)
    assert first.pool is None
    assert first.expand.conv.out_channels == 360 - 64
    assert all(unit.compress.conv.groups == unit.expand.conv.groups == 3 for unit in others)


def test_first_unit_of_version_2_keeps_the_size() -> None:
    first = built("shufflenet_v2_50").conv2[0]
    assert (first.shortcut[1].conv.out_channels, first.main[2].conv.out_channels) == (64, 180)
    assert first(torch.empty(1, 64, 9, 9, device="meta")).shape == (1, 244, 9, 9)


def test_residual_unit() -> None:
    torch.manual_seed(0)
    unit = ShuffleUnit(
        8, 8, 1, authors=True, even_odd=True, residual=True, attention=Attention("se", reduction=1)
    ).eval()
    x = torch.randn(2, 8, 5, 5)
    even, odd = x[:, 0::2], x[:, 1::2]
    changed = (odd + unit.attention(unit.main(odd))).relu()
    torch.testing.assert_close(unit(x), torch.cat((even, changed), 1))
    assert unit.main(odd).min() < 0  # the sum is what is activated

    grows = ShuffleUnit(8, 12, 1, authors=True, even_odd=True, residual=True).eval()
    expected = torch.cat((grows.shortcut(x), grows.main(x).relu()), 1)
    torch.testing.assert_close(grows(x), expected)


def test_sums_start_damped() -> None:
    torch.manual_seed(0)
    for in_channels, residual, weight in ((8, True, 0.5), (4, True, 1.0), (8, False, 1.0)):
        unit = ShuffleUnit(in_channels, 8, 1, authors=True, even_odd=True, residual=residual)
        assert torch.equal(unit.main[-1].bn.weight, torch.full((4,), weight))


def test_hidden_layers_of_se_are_half_of_a_unit() -> None:
    network = built("se_shufflenet_v2_164")
    for stage, width in ((network.conv2, 340), (network.conv5, 2720)):
        hidden = [unit.attention.fc1.out_channels for unit in stage]
        assert hidden == [340 - 128 if width == 340 else width // 2, *[width // 2] * 9]
