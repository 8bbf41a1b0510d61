"""pytorchcv's weights in our networks: the same answers."""

import pytest
from pytorchcv.model_provider import get_model
from tests.models.comparison import same_answers
from torch import nn

from martlet.errors import MartletError
from martlet.models.weights.renaming import convert

LARGE = (
    *("resnet50", "resnext50_32x4d", "seresnet50", "seresnet50b", "seresnext50_32x4d"),
    "senet154",
)
NAMES = {
    "shufflenet_g1_w3d4": ("shufflenet_v1_g1_x0_75", {"pool_first": False}),
    "shufflenet_g1_wd4": ("shufflenet_v1_g1_x0_25", {"pool_first": False, "stem": 6}),
    "shufflenet_g3_wd4": ("shufflenet_v1_g3_x0_25", {"pool_first": False, "stem": 6}),
    "shufflenet_g8_w1": ("shufflenet_v1_g8_x1_0", {"pool_first": False}),
    "shufflenetv2_wd2": ("shufflenet_v2_x0_5", {"ceil_pool": True}),
    "shufflenetv2_w3d2": ("shufflenet_v2_x1_5", {"ceil_pool": True, "conv5": 1553}),
    "shufflenetv2_w2": ("shufflenet_v2_x2_0", {"ceil_pool": True, "conv5": 2153}),
    "shufflenetv2b_w1": ("shufflenet_v2_authors_x1_0", {"shuffle": "after"}),
    "shufflenetv2b_w2": ("shufflenet_v2_authors_x2_0", {"shuffle": "after", "conv5": 2153}),
    "mobilenet_wd4": ("mobilenet_v1_x0_25", {}),
    "mobilenet_w1": ("mobilenet_v1_x1_0", {}),
    "mobilenetv2b_w1": ("mobilenet_v2_x1_0", {}),
    "mobilenetv3_large_w1": ("mobilenet_v3_large_x1_0", {"bn_eps": 1e-5}),
    "mobilenetv3_small_w1": ("mobilenet_v3_small_1280", {"bn_eps": 1e-5}),
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
    "name", [pytest.param(n, marks=pytest.mark.long) if n in LARGE else n for n in NAMES]
)
def test_same_answers(name: str) -> None:
    found = same_answers(theirs(name), "pytorchcv", name)
    assert (found.name, found.options) == NAMES[name]


def test_mobilenet_v2_that_expands_in_its_first_block_is_another_network() -> None:
    state = theirs("mobilenetv2_w1").state_dict()
    with pytest.raises(MartletError, match=r": 6 unexpected \(such as 'features"):
        convert(state, "pytorchcv", "mobilenet_v2_x1_0")


def test_classes_channels_and_our_names() -> None:
    network = theirs("shufflenetv2b_w1", num_classes=5, in_channels=4)
    found = same_answers(network, "pytorchcv", "shufflenet_v2_authors_x1_0", channels=4)
    assert (found.num_classes, found.in_chans) == (5, 4)
