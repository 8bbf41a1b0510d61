"""ShuffleNet V1 is the paper's, difference by difference."""

import pytest
import torch
from torch import nn

from swiftlet.measuring.cost import cost
from swiftlet.models import create_model, shufflenet_v1, spec
from swiftlet.models.shufflenet_v1 import VARIANTS, ShuffleUnit


def unit(stride: int, groups: int = 3) -> ShuffleUnit:
    torch.manual_seed(0)
    made = ShuffleUnit(24, 240 if stride == 2 else 24, stride, groups, groups)
    for norm in (m for m in made.modules() if isinstance(m, nn.BatchNorm2d)):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias)
    return made.eval()


def by_the_paper(block: ShuffleUnit, x: torch.Tensor, stride: int, groups: int = 3) -> torch.Tensor:
    """Figure 2b and 2c spelled out with torch's own operations."""
    branch = block.compress.bn(block.compress.conv(x)).relu()
    branch = nn.ChannelShuffle(groups)(branch)
    branch = block.depthwise.bn(block.depthwise.conv(branch))  # no activation here
    branch = block.expand.bn(block.expand.conv(branch))
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


def test_border_of_a_stride_two_unit_counts_zeros() -> None:
    pooled = unit(stride=2)(torch.ones(1, 24, 6, 6))[0, 0]
    assert pooled[0, 0].item() == pytest.approx(4 / 9)
    assert pooled[1, 1].item() == pytest.approx(1.0)


@pytest.mark.parametrize("row", VARIANTS, ids=lambda row: row.name)
def test_structure_of_table_1(row: shufflenet_v1.Variant) -> None:
    with torch.device("meta"):
        network = create_model(row.name)
    stages = (network.stage2, network.stage3, network.stage4)
    assert [len(stage) for stage in stages] == [4, 8, 4]
    units = [block for stage in stages for block in stage]
    for number, block in enumerate(units):
        outputs = row.stage2 * (1 if number < 4 else 2 if number < 12 else 4)
        assert block.compress.conv.out_channels == outputs // 4
        assert block.compress.conv.groups == (1 if number == 0 else row.groups)
        assert block.expand.conv.groups == row.groups
        assert block.groups == row.groups
        assert (block.pool is not None) == (number in (0, 4, 12))


def test_golden_numbers_of_pytorchcv() -> None:
    params = {row.name: row.params for row in VARIANTS}
    assert params["shufflenet_v1_g1_x0_25"] == 209_746
    assert params["shufflenet_v1_g3_x0_25"] == 305_902
    assert params["shufflenet_v1_g1_x0_5"] == 534_484
    assert params["shufflenet_v1_g3_x0_5"] == 718_324
    at_full_width = [params[f"shufflenet_v1_g{groups}_x1_0"] for groups in (1, 2, 3, 4, 8)]
    assert at_full_width == [1_531_936, 1_733_848, 1_865_728, 1_968_344, 2_434_768]


def test_params_of_the_authors_code_have_no_bias_more() -> None:
    without_bias = {
        "shufflenet_v1_g3_x0_5": 717_324,
        "shufflenet_v1_g8_x0_5": 1_010_448,
        "shufflenet_v1_g3_x1_5": 3_441_168,
        "shufflenet_v1_g8_x1_5": 4_268_952,
        "shufflenet_v1_g3_x2_0": 5_449_776,
        "shufflenet_v1_g8_x2_0": 6_521_232,
    }
    for name, params in without_bias.items():
        assert spec(name).params == params + 1000


def test_printed_macs_of_table_1_leave_the_classifier_out() -> None:
    for groups, million in zip(
        (1, 2, 3, 4, 8), (142.503, 140.037, 136.501, 133.252, 136.830), strict=True
    ):
        with torch.device("meta"):
            network = create_model(f"shufflenet_v1_g{groups}_x1_0", num_classes=0)
        assert cost(network, (1, 3, 224, 224)).macs / 1e6 == pytest.approx(million, abs=5e-4)
