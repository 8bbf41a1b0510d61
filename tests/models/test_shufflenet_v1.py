"""ShuffleNet V1 is the paper's, difference by difference."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.models.comparison import lively
from torch import nn

from martlet.errors import MartletError
from martlet.models import create_model, list_models, shufflenet_v1, spec
from martlet.models.shufflenet_v1 import STAGE2, VARIANTS, other_width
from martlet.models.shufflenet_v1_arch2 import VARIANTS as ARCH2
from martlet.models.shufflenet_v1_unit import ShuffleUnit
from martlet.ops.attention import Attention


def unit(stride: int, groups: int = 3, **options: Any) -> ShuffleUnit:
    torch.manual_seed(0)
    return lively(ShuffleUnit(24, 240 if stride == 2 else 24, stride, groups, groups, **options))


def by_the_paper(block: ShuffleUnit, x: torch.Tensor, stride: int, groups: int = 3) -> torch.Tensor:
    """Figure 2b and 2c spelled out with torch's own operations."""
    branch = block.compress.bn(block.compress.conv(x)).relu()
    branch = nn.ChannelShuffle(groups)(branch)
    branch = block.depthwise.bn(block.depthwise.conv(branch))  # no activation here
    branch = block.expand.bn(block.expand.conv(branch))
    if block.attention is not None:
        branch = block.attention(branch)
    if stride == 1:
        return (x + branch).relu()
    pooled = nn.functional.avg_pool2d(x, 3, 2, 1, count_include_pad=True)
    return torch.cat((pooled, branch), 1).relu()


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_unit_is_the_papers(stride: int, layout: torch.memory_format) -> None:
    block, x = unit(stride), torch.randn(2, 24, 7, 7).contiguous(memory_format=layout)
    y, expected = block(x), by_the_paper(block, x, stride)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-6)
    assert (y - by_the_paper(block, x, stride, groups=1)).abs().max() > 0.1  # the order matters


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kind", ["se", "cbam"])
def test_attention_gates_the_branch(stride: int, kind: str) -> None:
    block = unit(stride, attention=Attention(kind, reduction=4))
    x = torch.randn(2, 24, 7, 7)
    torch.testing.assert_close(block(x), by_the_paper(block, x, stride), rtol=0, atol=1e-6)


@pytest.mark.parametrize("stride", [1, 2])
def test_without_shuffle(stride: int) -> None:
    block, x = unit(stride, shuffle=False), torch.randn(2, 24, 7, 7)
    torch.testing.assert_close(block(x), by_the_paper(block, x, stride, groups=1))


@pytest.mark.slow
def test_without_shuffle_no_operator_is_left() -> None:
    assert operators() == (49, 16)
    assert operators(shuffle=False) == (49, 0)


def operators(**options: Any) -> tuple[int, int]:
    """Exported nodes of a network of three groups: convolutions, and transposes of a shuffle."""
    model = create_model("shufflenet_v1_g3_x0_25", num_classes=2, **options).eval()
    graph = torch.export.export(model, (torch.randn(1, 3, 32, 32),)).graph
    names = [str(node.target) for node in graph.nodes]
    transposes = sum("transpose" in name or "permute" in name for name in names)
    return sum("conv2d" in name for name in names), transposes


def test_branch_first_is_another_order_of_the_same_channels() -> None:
    x = torch.randn(2, 24, 7, 7)
    pooled_first, branch_first = unit(2)(x), unit(2, pool_first=False)(x)
    assert torch.equal(branch_first, torch.cat((pooled_first[:, 24:], pooled_first[:, :24]), 1))


def test_border_of_a_stride_two_unit_counts_zeros() -> None:
    pooled = unit(stride=2)(torch.ones(1, 24, 6, 6))[0, 0]
    assert pooled[0, 0].item() == pytest.approx(4 / 9)
    assert pooled[1, 1].item() == pytest.approx(1.0)


@pytest.mark.parametrize("row", [*VARIANTS, *ARCH2], ids=lambda row: row.name)
def test_structure_of_table_1(row: shufflenet_v1.Variant) -> None:
    with torch.device("meta"):
        network = create_model(row.name)
    stages = (network.stage2, network.stage3, network.stage4)
    assert [len(stage) for stage in stages] == [4, 6 if row in ARCH2 else 8, 4]
    assert row in ARCH2 or row.stages == (row.stages[0], 2 * row.stages[0], 4 * row.stages[0])
    for stage, outputs in zip(stages, row.stages, strict=True):
        for number, block in enumerate(stage):
            first = stage is network.stage2 and number == 0
            assert block.compress.conv.out_channels == outputs // 4
            assert block.compress.conv.groups == (1 if first else row.groups)
            assert block.expand.conv.groups == row.groups
            assert block.groups == row.groups
            assert (block.pool is not None) == (number == 0)


@pytest.mark.parametrize("name", ["shufflenet_g1_wd4", "shufflenet_g3_wd4"])
def test_pytorchcvs_quarters_are_other_networks(name: str) -> None:
    with pytest.raises(MartletError, match="is not known"):
        spec(name)


@pytest.mark.parametrize("stem", [0, -3, 13, 60, 63])
def test_a_stem_that_does_not_fit(stem: int) -> None:
    sentence = (
        rf"stem={stem} does not fit shufflenet_v1_g3_x0_25; give a multiple of 3, its groups, "
        "from 3 to 57"
    )
    with pytest.raises(MartletError, match=sentence):
        create_model("shufflenet_v1_g3_x0_25", stem=stem)


@pytest.mark.parametrize("stem", [3, 57])
def test_stems_that_just_fit(stem: int) -> None:
    with torch.device("meta"):
        network = create_model("shufflenet_v1_g3_x0_25", stem=stem)
    assert network.conv1.conv.out_channels == stem
    assert network.stage2[0].expand.conv.out_channels == 60 - stem


def test_the_rows_follow_the_rule_for_other_widths() -> None:
    for name in list_models("shufflenet_v1_g*"):
        row, derived = spec(name), other_width(name)
        assert derived is not None
        assert (derived.stem, derived.stages) == (row.stem, row.stages)
        assert (derived.params, derived.macs) == (row.params, row.macs)


def test_other_widths() -> None:
    assert spec("shufflenet_v1_g8_x0_1").stages == (32, 64, 128)  # never none
    stems = [spec(f"shufflenet_v1_g3_{width}").stem for width in ("x0_1", "x0_4", "x0_5", "x0_6")]
    assert stems == [12, 12, 12, 15]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"groups": 5}, "groups=5 does not divide the 216 channels"),
        ({"groups": 3, "stem": 25}, "groups=3 does not divide the 215 channels"),
        ({"stages": (24, 48, 96)}, "24 channels in and 24 out has none left"),
        ({"stem": 1, "stages": (3, 6, 12)}, "1 channels in and 3 out has none left"),
    ],
)
def test_channels_that_do_not_work(changes: dict[str, Any], sentence: str) -> None:
    row = replace(spec("shufflenet_v1_g3_x1_0"), **changes)
    with pytest.raises(MartletError, match=sentence):
        shufflenet_v1.build(row, in_chans=3)


@pytest.mark.parametrize("groups", [1, 2, 3, 4, 8])
@pytest.mark.parametrize(("width", "budget"), [("x0_5", 40e6), ("x0_25", 13e6)])
def test_arch2_comes_closest_to_its_budget(groups: int, width: str, budget: float) -> None:
    row = spec(f"shufflenet_v1_arch2_g{groups}_{width}")
    assert row.stem == spec(f"shufflenet_v1_g{groups}_{width}").stem
    step = 4 * groups
    all_stages = {
        tuple(max(1, int(s * 2**stage / step + 0.5)) * step for stage in range(3))
        for s in (quarter / 4 for quarter in range(80, 4 * STAGE2[groups]))
    }
    far = {stages: abs(macs(row.stem, stages, groups) - budget) for stages in all_stages}
    assert macs(row.stem, row.stages, groups) == row.macs
    assert min(far, key=far.__getitem__) == row.stages
    assert abs(row.macs - budget) < 0.035 * budget


def macs(stem: int, stages: tuple[int, ...], groups: int) -> int:
    """MACs of the paper's Table 1 with 4, 6 and 4 units, by hand."""
    total, channels, side = 27 * stem * 112**2, stem, 56
    for stage, (outputs, repeats) in enumerate(zip(stages, (4, 6, 4), strict=True)):
        for number in range(repeats):
            bottleneck, pixels = outputs // 4, side**2
            total += channels * bottleneck * pixels // (groups if stage or number else 1)
            if number == 0:
                side //= 2
            branch = outputs - channels if number == 0 else outputs
            total += (9 * bottleneck + bottleneck * branch // groups) * side**2
            channels = outputs
    return total + 1000 * channels
