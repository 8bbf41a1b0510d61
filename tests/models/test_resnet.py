"""ResNets: each difference, and attention in its places. Figures are in docs/family.md.

That they compute what torchvision's do is tested with its weights, in weights/.
"""

from collections import Counter

import pytest
import torch
import torchvision
from tests.models.comparison import lively
from torch import Tensor, nn

from martlet.measuring.cost import cost
from martlet.models import Attention, create_model
from martlet.models.resnet import PLACEMENTS, BasicBlock, Bottleneck, ResidualBlock, Variant

PLAIN = Variant("plain", 0, 0, repeats=(1,), bottleneck=True)


def test_which_convolution_has_the_stride() -> None:
    for first, strides in ((False, [1, 2, 1]), (True, [2, 1, 1])):
        block = Bottleneck(Variant("x", 0, 0, repeats=(1,), stride_first=first), 16, 8, 2)
        layers = (block.conv1, block.conv2, block.conv3)
        assert [layer.conv.stride[0] for layer in layers] == strides


def test_wide_networks_keep_the_first_convolution() -> None:
    network = create_model("wide_resnet18_x2_0")
    assert network.get_parameter("conv1.conv.weight").shape == (64, 3, 7, 7)
    assert network.get_parameter("layer1.0.shortcut.conv.weight").shape == (128, 64, 1, 1)


def test_form_for_small_pictures() -> None:
    with torch.device("meta"):
        network = create_model("resnet18", num_classes=10, small_input=True)
    assert cost(network, (1, 3, 32, 32)).params == 11_173_962  # kuangliu/pytorch-cifar


def attended(placement: str, kind: str = "se") -> ResidualBlock:
    """A block of 16 channels in and 32 out, with a gate far from 0.5 everywhere."""
    torch.manual_seed(0)
    attention = Attention(kind, reduction=4, placement=placement)  # type: ignore[arg-type]
    row = Variant("x", 0, 0, repeats=(1,), bottleneck=True, attention=attention)
    block = lively(Bottleneck(row, 16, 8, 2))
    for key, parameter in block.named_parameters():
        if "attention" in key:
            nn.init.normal_(parameter)
    assert isinstance(block, ResidualBlock)
    return block


def by_tables_14_and_15(block: Bottleneck, x: Tensor, placement: str) -> Tensor:
    assert block.attention is not None
    assert block.shortcut is not None
    branch = nn.Sequential(block.conv1, block.conv2, block.conv3)
    if placement == "pre":
        return (branch(block.attention(x)) + block.shortcut(x)).relu()
    if placement == "3x3":
        inside = nn.Sequential(block.conv1, block.conv2, block.attention, block.conv3)
        return (inside(x) + block.shortcut(x)).relu()
    if placement == "post":
        return block.attention((branch(x) + block.shortcut(x)).relu())
    if placement == "identity":
        return (branch(x) + block.attention(block.shortcut(x))).relu()
    return (block.attention(branch(x)) + block.shortcut(x)).relu()


@pytest.mark.parametrize("kind", ["se", "cbam"])
@pytest.mark.parametrize("placement", ["standard", *PLACEMENTS])
def test_places_of_attention(placement: str, kind: str) -> None:
    block, x = attended(placement, kind), torch.randn(2, 16, 9, 9)
    assert isinstance(block, Bottleneck)
    expected = by_tables_14_and_15(block, x, placement)
    torch.testing.assert_close(block(x), expected)
    for other in {"standard", "post", "identity"} - {placement}:
        if placement not in ("pre", "3x3"):  # their modules have other widths
            assert (by_tables_14_and_15(block, x, other) - expected).abs().max() > 0.01


def test_inside_a_basic_block_it_stands_behind_the_first_convolution() -> None:
    attention = Attention("se", reduction=4, placement="3x3")
    row = Variant("x", 0, 0, repeats=(1,), attention=attention)
    block, x = lively(BasicBlock(row, 16, 16, 1)), torch.randn(2, 16, 7, 7)
    inside = nn.Sequential(block.conv1, block.attention, block.conv2)
    torch.testing.assert_close(block(x), (inside(x) + x).relu())


def test_inside_the_branch_it_takes_few_parameters() -> None:
    """SENet's Table 15 prints 25.8M of ResNet-50 so; by the figures of the paper it is 25.7M."""
    with torch.device("meta"):
        network = create_model("resnet50", attention={"kind": "se", "placement": "3x3"})
    gates = sum(
        repeats * (2 * width * (width // 16) + width + width // 16)
        for repeats, width in zip((3, 4, 6, 3), (64, 128, 256, 512), strict=True)
    )
    assert cost(network, (1, 3, 224, 224)).params == 25_557_032 + gates == 25_718_228


@pytest.mark.parametrize("placement", PLACEMENTS)
def test_places_of_attention_by_name(placement: str) -> None:
    attention = {"kind": "se", "reduction": 8, "placement": placement}
    network = create_model("resnet20", attention=attention)
    network(torch.randn(2, 3, 32, 32)).sum().backward()
    assert all(p.grad is not None for p in network.parameters())


def test_blocks_by_formula() -> None:
    x = torch.randn(2, 16, 7, 7)
    basic = lively(BasicBlock(PLAIN, 16, 16, 1))
    wide = lively(Bottleneck(PLAIN, 16, 4, 1))
    for block in (basic, wide):
        assert [name for name, _ in block.named_children()][-1] != "shortcut"
        layers = list(block.children())
        torch.testing.assert_close(block(x), (nn.Sequential(*layers)(x) + x).relu())
        assert layers[-1].act is None  # nothing is clipped before the sum


def nodes(network: nn.Module, x: Tensor) -> Counter[str]:
    program = torch.export.export(network.eval(), (x,))
    return Counter(str(node.target) for node in program.graph.nodes if node.op == "call_function")


def test_attention_leaves_nothing_behind_when_off() -> None:
    x = torch.randn(1, 3, 64, 64)
    ours = nodes(create_model("resnet18", attention=None), x)
    theirs = nodes(torchvision.models.resnet18(), x)
    assert ours.total() <= theirs.total()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:.*LeafSpec:FutureWarning")  # torch 2.11, of a class of its own
def test_onnx_has_no_more_operators_than_torchvisions() -> None:
    x = torch.randn(1, 3, 64, 64)
    counts = []
    for network in (create_model("resnet18"), torchvision.models.resnet18()):
        program = torch.onnx.export(network.eval(), (x,), dynamo=True, verbose=False)
        assert program is not None
        counts.append(len(program.model.graph))
    assert counts[0] <= counts[1]


@pytest.mark.slow  # a block alone is compiled in tests/ops/test_attention.py
def test_compiles_in_one_graph() -> None:
    network = create_model("resnet20", attention="cbam").eval()
    x = torch.randn(2, 3, 32, 32)
    compiled = torch.compile(network, backend="aot_eager", fullgraph=True)
    torch.testing.assert_close(compiled(x), network(x), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("side", "padded", "ceiled"), [(96, 24, 24), (97, 25, 24)])
def test_pooling_of_odd_sides(side: int, padded: int, ceiled: int) -> None:
    for ceil_pool, expected in ((False, padded), (True, ceiled)):
        with torch.device("meta"):
            model = create_model("resnet18", ceil_pool=ceil_pool).eval()
            maps = model.maxpool(model.conv1(torch.empty(1, 3, side, side)))
        assert maps.shape[2:] == (expected, expected)
