import copy
from collections.abc import Callable
from functools import partial

import pytest
import torch
import torchvision
from torch import nn

from martlet.errors import MartletError
from martlet.exporting.fold import fold, fold_temperature
from martlet.models import create_model
from martlet.models.whole_scene import WholeScene
from martlet.ops.conv import ConvBNAct

Calls = Callable[[nn.Module, nn.Module, torch.Tensor], torch.Tensor]
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)


def settle(model: nn.Module) -> nn.Module:
    """Running statistics, scales and shifts far from their first values 0 and 1."""
    generator = torch.Generator().manual_seed(1)
    for module in model.modules():
        if isinstance(module, NORMS) and module.running_mean is not None:
            module.running_mean.normal_(0, 0.3, generator=generator)
            module.running_var.uniform_(0.3, 3, generator=generator)
            if module.affine:
                module.weight.data.uniform_(0.5, 1.5, generator=generator)
                module.bias.data.normal_(0, 0.3, generator=generator)
    return model


def norms(model: nn.Module) -> int:
    return sum(isinstance(module, NORMS) for module in model.modules())


def assert_same(model: nn.Module, folded: nn.Module, x: torch.Tensor) -> None:
    with torch.inference_mode():
        expected = copy.deepcopy(model).eval()(x)
        found = folded(x)
    scale = expected.abs().max()
    assert scale > 0
    assert (expected - found).abs().max() <= 1e-5 * scale


@pytest.mark.parametrize("name", ["shufflenet_v1_g3_x0_5", "mobilenet_v2_x0_5", "torchvision's"])
def test_whole_networks_keep_their_output(name: str) -> None:
    theirs = name == "torchvision's"
    make = torchvision.models.shufflenet_v2_x0_5 if theirs else partial(create_model, name)
    model = settle(make(num_classes=7))
    folded = fold(model)
    assert norms(model) > 15
    assert norms(folded) == 0
    assert type(folded) is type(model)
    assert not any(isinstance(module, ConvBNAct) for module in folded.modules())
    for layout in (torch.contiguous_format, torch.channels_last):
        assert_same(model, folded, torch.randn(2, 3, 64, 64).contiguous(memory_format=layout))


@pytest.mark.parametrize("act", [None, nn.ReLU6])
def test_a_block_by_itself(act: type[nn.ReLU6] | None) -> None:
    block = settle(ConvBNAct(4, 6, 3, act=act))
    assert norms(fold(block)) == 0
    assert_same(block, fold(block), torch.randn(2, 4, 9, 9))


def test_the_model_given_is_not_changed() -> None:
    model = settle(torchvision.models.shufflenet_v2_x0_5(num_classes=3)).train()
    model.conv1[0].weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    folded = fold(model)
    assert model.training
    assert not folded.training
    assert before.keys() == model.state_dict().keys()
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert not folded.conv1[0].weight.requires_grad
    assert folded.fc.weight.requires_grad
    folded.fc.weight.data.zero_()
    assert model.fc.weight.abs().sum() > 0


@pytest.mark.parametrize(
    ("conv", "norm", "shape"),
    [
        (nn.Conv1d(4, 6, 3, bias=False), nn.BatchNorm1d(6), (2, 4, 9)),
        (nn.Conv2d(4, 6, 3, groups=2), nn.BatchNorm2d(6, eps=1e-2), (2, 4, 9, 9)),
        (nn.Conv2d(4, 6, 3), nn.BatchNorm2d(6, affine=False), (2, 4, 9, 9)),
        (nn.Conv3d(4, 6, 3), nn.BatchNorm3d(6), (2, 4, 5, 5, 5)),
        (nn.ConvTranspose2d(4, 6, 3), nn.BatchNorm2d(6), (2, 4, 5, 5)),
    ],
)
def test_every_kind_of_convolution(conv: nn.Module, norm: nn.Module, shape: tuple) -> None:
    model = settle(nn.Sequential(conv, norm, nn.ReLU()))
    folded = fold(model)
    assert norms(folded) == 0
    assert_same(model, folded, torch.randn(shape))


class Net(nn.Module):
    """A convolution and a normalisation, called as `calls` says."""

    def __init__(self, calls: Calls, *, running: bool = True) -> None:
        super().__init__()
        self.conv = nn.Conv2d(4, 4, 3, padding=1)
        self.bn = nn.BatchNorm2d(4, track_running_stats=running)
        self.calls = calls

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.calls(self.conv, self.bn, x)


def plain(conv: nn.Module, bn: nn.Module, x: torch.Tensor) -> torch.Tensor:
    return bn(conv(x))


def read_twice(conv: nn.Module, bn: nn.Module, x: torch.Tensor) -> torch.Tensor:
    y = conv(x)
    return bn(y) + y


def normed() -> nn.Module:
    model = Net(plain)
    nn.utils.parametrizations.weight_norm(model.conv)
    return model


def test_found_by_the_order_of_calls_in_a_forward() -> None:
    model = settle(Net(plain))
    assert norms(fold(model)) == 0
    assert_same(model, fold(model), torch.randn(2, 4, 6, 6))


@pytest.mark.parametrize(
    "model",
    [
        Net(read_twice),
        Net(lambda conv, bn, x: bn(conv(conv(x)))),
        Net(lambda conv, bn, x: bn(bn(conv(x)))),
        Net(lambda conv, bn, x: conv(bn(x))),
        Net(lambda conv, bn, x: bn(conv(x).relu())),
        Net(plain, running=False),
        normed(),
    ],
    ids=["read twice", "two convs", "two norms", "norm first", "between", "running", "normed"],
)
def test_stays_where_folding_would_change_the_output(model: nn.Module) -> None:
    folded = fold(settle(model))
    assert norms(folded) == 1
    assert_same(model, folded, torch.randn(2, 4, 6, 6))


class Branching(nn.Module):
    """Cannot be traced: its forward looks at a value. Only containers tell what follows what."""

    def __init__(self) -> None:
        super().__init__()
        conv, norm = nn.Conv2d(4, 4, 1), nn.BatchNorm2d(4)
        self.known = nn.Sequential(nn.Conv2d(4, 4, 3, bias=False), nn.BatchNorm2d(4), nn.ReLU())
        self.shared = nn.Sequential(conv, norm, conv, norm)
        self.conv, self.bn = nn.Conv2d(4, 4, 3), nn.BatchNorm2d(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.sum() > 1e9:
            return x
        return self.conv(self.bn(self.shared(self.known(x))))


def test_a_network_that_cannot_be_traced_is_folded_by_its_containers() -> None:
    model = settle(Branching())
    folded = fold(model)
    assert isinstance(folded.known[1], nn.Identity)
    assert isinstance(folded.shared[1], nn.BatchNorm2d)
    assert isinstance(folded.bn, nn.BatchNorm2d)
    assert_same(model, folded, torch.randn(2, 4, 9, 9))


@pytest.mark.parametrize("whole", [False, True])
def test_a_temperature_divides_the_logits(whole: bool) -> None:
    torch.manual_seed(0)
    network = create_model("hybridsn", num_classes=3, in_chans=15, window=9)
    nn.init.normal_(network.classifier.bias)
    model = (WholeScene(network) if whole else network).eval()
    x = torch.randn(1, 1, 15, *((12, 12) if whole else (9, 9)))
    folded = fold_temperature(model, 1.7)
    with torch.inference_mode():
        before, found = model(x), folded(x)
    torch.testing.assert_close(found, before / 1.7)
    assert fold_temperature(model, 1.0) is model


def test_a_network_without_a_last_layer_to_divide_is_refused() -> None:
    with pytest.raises(MartletError, match="temperature=2 cannot be folded into Sequential"):
        fold_temperature(nn.Sequential(nn.Linear(3, 2), nn.Tanh()), 2.0)
