"""timm's weights in our networks: the same answers."""

import pytest
import timm
from tests.models.comparison import same_answers

from martlet.errors import MartletError
from martlet.models.weights.renaming import convert

LARGE = (
    "resnet50",
    "seresnext50_32x4d",
    "legacy_seresnet101",
    "legacy_seresnext50_32x4d",
    "legacy_senet154",
)
NAMES = {
    "mobilenetv1_100": ("mobilenet_v1_relu6_x1_0", {}),
    "mobilenetv1_125": ("mobilenet_v1_relu6_x1_25", {}),
    "mobilenetv2_035": ("mobilenet_v2_x0_35", {}),
    "mobilenetv2_100": ("mobilenet_v2_x1_0", {}),
    "mobilenetv3_large_075": ("mobilenet_v3_large_x0_75", {"bn_eps": 1e-5}),
    "mobilenetv3_large_100": ("mobilenet_v3_large_x1_0", {"bn_eps": 1e-5}),
    "mobilenetv3_small_050": ("mobilenet_v3_small_x0_5", {"bn_eps": 1e-5}),
    "mobilenetv3_small_100": ("mobilenet_v3_small_x1_0", {"bn_eps": 1e-5}),
    "resnet18": ("resnet18", {}),
    "resnet50": ("resnet50", {}),
    "seresnet50": ("se_resnet50", {"stride_first": False}),
    "seresnext50_32x4d": ("se_resnext50_32x4d", {}),
    "legacy_seresnet50": ("se_resnet50", {"ceil_pool": True}),
    "legacy_seresnet101": ("se_resnet101", {"ceil_pool": True}),
    "legacy_seresnext50_32x4d": ("se_resnext50_32x4d", {"ceil_pool": True}),
    "legacy_senet154": ("senet154", {"ceil_pool": True}),
}


@pytest.mark.parametrize(
    "theirs", [pytest.param(n, marks=pytest.mark.long) if n in LARGE else n for n in NAMES]
)
def test_same_answers(theirs: str) -> None:
    found = same_answers(timm.create_model(theirs), "timm", theirs)
    assert (found.name, found.options) == NAMES[theirs]
    assert found.preprocess == {"interpolation": "bicubic"}


def test_our_names_and_other_classes_and_channels() -> None:
    network = timm.create_model("legacy_seresnet50", num_classes=7, in_chans=1)
    found = same_answers(network, "timm", "se_resnet50", channels=1)
    assert (found.num_classes, found.in_chans) == (7, 1)
    network = timm.create_model("mobilenetv1_100")
    assert same_answers(network, "timm", "mobilenet_v1").options == {"act": "relu6"}


def test_another_hidden_layer_is_no_silent_change() -> None:
    with pytest.raises(MartletError, match=r"\(8, 64, 1, 1\) instead of \(4, 64, 1, 1\)"):
        convert(timm.create_model("seresnet18").state_dict(), "timm", "se_resnet18")
