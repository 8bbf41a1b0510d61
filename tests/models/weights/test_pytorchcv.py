"""pytorchcv's weights in our networks: the same answers."""

from collections.abc import Callable

import pytest
from pytorchcv.model_provider import get_model
from torch import nn

from swiftlet.models.weights.renaming import Converted

Compare = Callable[..., Converted]

SLOW = ("senet154",)
NAMES = {
    "mobilenet_wd4": ("mobilenet_v1_x0_25", {}),
    "mobilenet_w1": ("mobilenet_v1_x1_0", {}),
    "mobilenetv3_large_w1": ("mobilenet_v3_large_x1_0", {"bn_eps": 1e-5}),
    "resnet18": ("resnet18", {}),
    "resnet50": ("resnet50", {"stride_first": True}),
    "resnet50b": ("resnet50", {}),
    "resnext50_32x4d": ("resnext50_32x4d", {}),
    "resnet20_cifar10": ("resnet20", {}),
    "seresnet18": ("se_resnet18", {}),
    "seresnet50": ("se_resnet50", {}),
    "seresnet50b": ("se_resnet50", {"stride_first": False}),
    "seresnext50_32x4d": ("se_resnext50_32x4d", {}),
    "seresnet20_cifar10": ("se_resnet20", {}),
    "senet154": ("senet154", {}),
    "cbam_resnet18": ("cbam_resnet18", {}),
    "cbam_resnet50": ("cbam_resnet50", {}),
}


def theirs(name: str, **options: int) -> nn.Module:
    """pytorchcv's network for pictures of any size: its last pool takes 7×7 places only."""
    network = get_model(name, **options)
    network.features.final_pool = nn.AdaptiveAvgPool2d(1)
    return network


@pytest.mark.parametrize(
    "name", [pytest.param(n, marks=pytest.mark.slow) if n in SLOW else n for n in NAMES]
)
def test_same_answers(same_answers: Compare, name: str) -> None:
    found = same_answers(theirs(name), "pytorchcv", name)
    assert (found.name, found.options) == NAMES[name]


def test_mobilenet_v2_without_expansion_in_the_first_block(same_answers: Compare) -> None:
    same_answers(theirs("mobilenetv2b_w1"), "pytorchcv", "mobilenet_v2_x1_0")
