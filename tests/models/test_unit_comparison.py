"""The five kinds of unit are those of Table 4, difference by difference."""

from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from tests.models.comparison import lively

from martlet.measuring.cost import cost
from martlet.models import create_model, spec, unit_comparison
from martlet.models.spec import as_number
from martlet.models.unit_comparison import VARIANTS, ResidualUnit, Variant, VGGUnit, half_in_groups

ROWS = pytest.mark.parametrize("row", VARIANTS, ids=lambda row: row.name)
QUICK = "units_resnext_38m"  # of the search for widths; the others are long
# What the channels of stage 4 are a multiple of, so that the bottleneck of stage 2 is whole and its
# groups divide it; ResNeXt rounds its own bottleneck, VGG and ResNeXt keep halves whole.
STEPS = {"vgg": 2, "resnet": 16, "resnext": 8, "xception": 16, "shufflenet": 16}


def convolutions(row: Variant) -> int:
    """MACs without the classifier."""
    with torch.device("meta"):
        network = unit_comparison.build(row, in_chans=3)
        network.add_head(num_classes=0, drop_rate=0.0)
    return cost(network, (1, 3, 224, 224)).macs


@pytest.mark.parametrize(
    "row",
    [
        pytest.param(row, id=row.name, marks=() if row.name == QUICK else pytest.mark.long)
        for row in VARIANTS
    ],
)
def test_widths_are_those_that_come_closest(row: Variant) -> None:
    """A search for the first width that costs at least the printed MACs; it or the one before."""
    target, step = as_number(row.paper.macs), STEPS[row.kind] * row.groups
    low, high = 0, 2048 // step  # multiples of the step: too narrow, wide enough
    while high - low > 1:
        middle = (low + high) // 2
        enough = convolutions(replace(row, stage4=middle * step)) >= target
        low, high = (low, middle) if enough else (middle, high)
    around = [multiple * step for multiple in (low, high) if multiple]
    closest = min(around, key=lambda w: abs(convolutions(replace(row, stage4=w)) - target))
    assert closest == row.stage4


@ROWS
def test_frame_of_table_1(row: Variant) -> None:
    with torch.device("meta"):
        network = create_model(row.name)
    stem = 8 if row.name == "units_shufflenet_13m" else 24 if row.paper.macs == "140M" else 12
    assert network.conv1.conv.out_channels == row.stem == stem
    stages = (network.stage2, network.stage3, network.stage4)
    assert [len(stage) for stage in stages] == [4, 8, 4]
    x = torch.empty(1, 3, 224, 224, device="meta")
    x = network.maxpool(network.conv1(x))
    for stage, side, part in zip(stages, (28, 14, 7), (4, 2, 1), strict=True):
        halved = stage[0](x)
        x = stage(x)
        assert halved.shape == x.shape == (1, row.stage4 // part, side, side)


@pytest.mark.parametrize("level", ["140m", "38m", "13m"])
def test_bottlenecks(level: str) -> None:
    with torch.device("meta"):
        resnet, resnext = (create_model(f"units_{kind}_{level}") for kind in ("resnet", "resnext"))
    for block in (m for m in resnet.modules() if isinstance(m, ResidualUnit)):
        assert block.spatial.conv.out_channels == block.expand.conv.out_channels / 4
        assert block.spatial.conv.groups == 1
    for block in (m for m in resnext.modules() if isinstance(m, ResidualUnit)):
        half = block.expand.conv.out_channels / 2
        assert abs(block.spatial.conv.out_channels - half) <= 8 or half < 16
        assert block.spatial.conv.groups == 16
    assert [half_in_groups(channels) for channels in (8, 32, 48, 49, 96)] == [16, 16, 16, 32, 48]


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("groups", [1, 16])
def test_residual_unit_by_formula(stride: int, groups: int) -> None:
    torch.manual_seed(0)
    block = lively(ResidualUnit(24, 48 if stride == 2 else 24, stride, 32, groups))
    x = torch.randn(2, 24, 7, 7)
    branch = block.compress.bn(F.conv2d(x, block.compress.conv.weight)).relu()
    branch = F.conv2d(branch, block.spatial.conv.weight, None, stride, 1, 1, groups)
    branch = block.expand.bn(F.conv2d(block.spatial.bn(branch).relu(), block.expand.conv.weight))
    if stride == 2:
        projected = F.conv2d(x, block.shortcut.conv.weight, None, 2)
        expected = (branch + block.shortcut.bn(projected)).relu()
    else:
        assert block.shortcut is None
        expected = (branch + x).relu()
    torch.testing.assert_close(block(x.clone()), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("stride", [1, 2])
def test_vgg_unit_by_formula(stride: int) -> None:
    torch.manual_seed(0)
    block, x = lively(VGGUnit(6, 9, stride)), torch.randn(2, 6, 7, 7)
    first = block[0].bn(F.conv2d(x, block[0].conv.weight, None, stride, 1)).relu()
    expected = block[1].bn(F.conv2d(first, block[1].conv.weight, None, 1, 1)).relu()
    torch.testing.assert_close(block(x), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        ("units_xception_140m", "shufflenet_v1_g1_x1_0"),
        ("units_xception_38m", "shufflenet_v1_g1_x0_5"),
        ("units_xception_13m", "shufflenet_v1_g1_x0_25"),
        ("units_shufflenet_140m", "shufflenet_v1_g8_x1_0"),
        ("units_shufflenet_38m", "shufflenet_v1_g4_x0_5"),
        ("units_shufflenet_13m", "shufflenet_v1_g8_x0_25"),
    ],
)
def test_are_networks_of_shufflenet_v1(ours: str, theirs: str) -> None:
    torch.manual_seed(0)
    row, other = spec(ours), spec(theirs)
    assert (row.params, row.macs) == (other.params, other.macs)
    network, twin = create_model(ours).eval(), create_model(theirs).eval()
    network.load_state_dict(twin.state_dict())
    x = torch.randn(1, 3, 64, 64)
    assert torch.equal(network(x), twin(x))
