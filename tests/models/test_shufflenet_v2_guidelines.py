"""The stacks of the four guidelines: equal multiply-adds, the layers that the paper names."""

from typing import Any

import pytest
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models.shufflenet_v2_guidelines import G1, G2, G3, G4, Guideline, Stack, make_guideline


def macs(guideline: Guideline) -> int:
    stack = Stack(guideline)
    return cost(stack, (1, *stack.shape)).macs


@pytest.mark.parametrize(
    ("guidelines", "apart"),
    [
        # Channels as the paper prints them, for a CPU and for a GPU.
        ([G1(32, 32), G1(22, 44), G1(13, 78), G1(9, 108)], 0.06),
        ([G1(128, 128), G1(90, 180), G1(52, 312), G1(36, 432)], 0.06),
        ([G2(64, 1), G2(90, 2), G2(128, 4), G2(184, 8)], 0.05),
        ([G2(128, 1), G2(180, 2), G2(256, 4), G2(360, 8)], 0.02),
        ([G3(64, 1), G3(64, 2), G3(64, 4), G3(64, 2, True), G3(64, 4, True)], 0.02),
        ([G4(32), G4(32, relu=False), G4(32, shortcut=False), G4(32, False, False)], 0.0),
    ],
)
def test_within_a_guideline_multiply_adds_are_equal(
    guidelines: list[Guideline], apart: float
) -> None:
    counts = [macs(one) for one in guidelines]
    assert max(counts) <= (1 + apart) * min(counts)


def test_twice_the_channels_are_four_times_the_multiply_adds() -> None:
    assert macs(G1(64, 64)) == 4 * macs(G1(32, 32)) == 4 * 20 * 32 * 32 * 56 * 56


def test_a_stack_keeps_its_shape() -> None:
    for one in (G1(9, 108), G2(8, 4, shuffled=True), G3(16, 4, True), G3(16, 2), G4(8)):
        stack = Stack(one)
        x = torch.randn(2, *stack.shape)
        assert stack(x).shape == x.shape
        assert stack.num_classes == one.channels
        assert len(stack.blocks) == 10


def test_fragments_in_series_and_parallel_are_what_they_say() -> None:
    series, parallel = G3(16, 4).block(), G3(16, 4, parallel=True).block()
    x = torch.randn(1, 8, 5, 5)
    convs = [one for one in parallel.modules() if isinstance(one, nn.Conv2d)]
    assert torch.allclose(parallel(x), sum(conv(x) for conv in convs), atol=1e-6)
    y = x
    for conv in (one for one in series.modules() if isinstance(one, nn.Conv2d)):
        y = conv(y)
    assert torch.allclose(series(x), y, atol=1e-6)


def test_relu_and_shortcut_are_left_out() -> None:
    x = torch.randn(1, 8, 5, 5)
    plain = G4(8, relu=False, shortcut=False).block()
    reduced = [plain.reduce, plain.filter, plain.expand]
    assert torch.allclose(plain(x), nn.Sequential(*reduced)(x), atol=1e-6)
    whole = G4(8).block()
    whole.load_state_dict(plain.state_dict())
    inner = whole.expand(torch.relu(whole.filter(torch.relu(whole.reduce(x)))))
    assert torch.allclose(whole(x), torch.relu(x + inner), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "sizes", "told"),
    [
        ("g5", {}, r"^stack='g5' is not known; give one of g1, g2, g3, g4\.$"),
        ("g1", {"chanels": 3}, r"^stack='g1' does not take chanels; it has first, second\.$"),
        ("g2", {"channels": 0, "groups": 1}, r"has no channel; give 1 or more\.$"),
        ("g2", {"channels": 180, "groups": 8}, r"^groups=8 do not divide channels=180; give a"),
    ],
)
def test_what_is_no_stack_is_told(name: str, sizes: dict[str, Any], told: str) -> None:
    with pytest.raises(MartletError, match=told):
        make_guideline(name, **sizes)
