"""The ShuffleNet authors' networks, retold under their names of the tensors: the same answers."""

import pytest
import torch
import torch.nn.functional as F
from tests.models.comparison import same_answers
from torch import Tensor, nn

from martlet.models import spec
from martlet.models.weights.shufflenet_authors import channel_order
from martlet.ops.shuffle import channel_shuffle


def conv_bn(
    in_channels: int, out_channels: int, kernel: int = 1, stride: int = 1, groups: int = 1
) -> list[nn.Module]:
    conv = nn.Conv2d(
        in_channels, out_channels, kernel, stride, kernel // 2, groups=groups, bias=False
    )
    return [conv, nn.BatchNorm2d(out_channels)]


class UnitV1(nn.Module):
    """Compress, filter, shuffle (channel i·groups + q goes to group q), expand."""

    def __init__(self, taken: int, given: int, groups: int, first: bool, stride: int) -> None:
        super().__init__()
        middle, self.groups = given // 4, groups
        self.branch_main_1 = nn.Sequential(
            *conv_bn(taken, middle, groups=1 if first else groups),
            nn.ReLU(),
            *conv_bn(middle, middle, 3, stride, middle),
        )
        branch = given - taken if stride == 2 else given
        self.branch_main_2 = nn.Sequential(*conv_bn(middle, branch, groups=groups))
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        y = self.branch_main_1(x)
        y = torch.cat([y[:, group :: self.groups] for group in range(self.groups)], dim=1)
        y = self.branch_main_2(y)
        if self.stride == 1:
            return (x + y).relu()
        return torch.cat((F.avg_pool2d(x, 3, 2, 1), y.relu()), dim=1)


class UnitV2(nn.Module):
    """Split by even and odd channels; at stride 2 the projection keeps the channels."""

    def __init__(self, taken: int, given: int, stride: int) -> None:
        super().__init__()
        middle = given // 2
        self.branch_main = nn.Sequential(
            *conv_bn(taken, middle),
            nn.ReLU(),
            *conv_bn(middle, middle, 3, stride, middle),
            *conv_bn(middle, given - taken),
            nn.ReLU(),
        )
        if stride == 2:
            self.branch_proj = nn.Sequential(
                *conv_bn(taken, taken, 3, 2, taken), *conv_bn(taken, taken), nn.ReLU()
            )
        self.stride = stride

    def forward(self, x: Tensor) -> Tensor:
        if self.stride == 2:
            return torch.cat((self.branch_proj(x), self.branch_main(x)), dim=1)
        return torch.cat((x[:, ::2], self.branch_main(x[:, 1::2])), dim=1)


class Network(nn.Module):
    """Stem, sixteen units in one row, classifier without bias."""

    def __init__(self, units: list[nn.Module], stem: int, last: int, conv_last: int = 0) -> None:
        super().__init__()
        self.first_conv = nn.Sequential(*conv_bn(3, stem, 3, 2), nn.ReLU())
        self.features = nn.Sequential(*units)
        self.conv_last: nn.Module = nn.Identity()
        if conv_last:
            self.conv_last = nn.Sequential(*conv_bn(last, conv_last), nn.ReLU())
        self.classifier = nn.Sequential(nn.Linear(conv_last or last, 1000, bias=False))

    def forward(self, x: Tensor) -> Tensor:
        x = self.features(F.max_pool2d(self.first_conv(x), 3, 2, 1))
        return self.classifier(self.conv_last(x).mean((2, 3)))


def strides() -> list[int]:
    return [2, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 1, 2, 1, 1, 1]


def version1(stem: int, stage2: int, groups: int) -> Network:
    units, channels, width = [], stem, stage2 // 2
    for number, stride in enumerate(strides()):
        width *= stride
        units.append(UnitV1(channels, width, groups, number == 0, stride))
        channels = width
    return Network(units, stem, channels)


def version2(stage2: int, conv_last: int) -> Network:
    units, channels, width = [], 24, stage2 // 2
    for stride in strides():
        width *= stride
        units.append(UnitV2(channels if stride == 2 else channels // 2, width, stride))
        channels = width
    return Network(units, 24, channels, conv_last)


def as_they_see_it(x: Tensor) -> Tensor:
    """Blue, green, red."""
    return x[:, [2, 1, 0]]


@pytest.mark.parametrize(
    ("groups", "width", "stem", "stage2", "order"),
    [
        (3, "x0_5", 12, 120, "the paper's"),
        (3, "x1_0", 24, 240, "the paper's"),
        (3, "x1_5", 24, 360, "the paper's"),
        (3, "x2_0", 48, 480, "the paper's"),
        (8, "x0_5", 16, 192, "theirs"),
        (8, "x1_0", 24, 384, "theirs"),
        (8, "x1_5", 24, 576, "theirs"),
        (8, "x2_0", 48, 768, "the paper's"),
    ],
)
def test_version_1(groups: int, width: str, stem: int, stage2: int, order: str) -> None:
    name = f"shufflenet_v1_g{groups}_{width}"
    theirs = version1(stem, stage2, groups)
    params = sum(parameter.numel() for parameter in theirs.parameters())
    assert params == spec(name).params - 1000  # no bias in the classifier
    found = same_answers(theirs, "shufflenet_authors", name, prepare=as_they_see_it)
    assert found.options == ({"inverse_shuffle": True} if order == "theirs" else {})
    assert found.preprocess == {"mean": (0.0,) * 3, "std": (1 / 255,) * 3}


@pytest.mark.parametrize(
    ("width", "stage2", "conv_last"),
    [("x0_5", 48, 1024), ("x1_0", 116, 1024), ("x1_5", 176, 1024), ("x2_0", 244, 2048)],
)
def test_version_2(width: str, stage2: int, conv_last: int) -> None:
    name, theirs = f"shufflenet_v2_authors_{width}", version2(stage2, conv_last)
    params = sum(parameter.numel() for parameter in theirs.parameters())
    assert params == spec(name).params - 1000
    assert same_answers(theirs, "shufflenet_authors", name, prepare=as_they_see_it).options == {}


@pytest.mark.parametrize(("channels", "groups"), [(30, 3), (60, 3), (120, 3), (24, 8), (192, 8)])
def test_the_order_joins_the_same_groups(channels: int, groups: int) -> None:
    order = channel_order(channels, groups)
    size, numbers = channels // groups, torch.arange(channels)
    if order is None:
        assert (channels, groups) == (24, 8)
        return
    assert torch.equal(order.sort().values, numbers)
    assert torch.equal(order // size, numbers // size)  # no channel leaves its group
    behind = order[channel_shuffle(numbers[None], groups)[0]]
    assert torch.equal(behind % groups, numbers // size)
