"""Networks are told by the names and shapes of their tensors."""

from pathlib import Path
from typing import Any

import pytest
import timm
import torch
import torchvision
from pytorchcv.model_provider import get_model
from tests.models.weights.test_shufflenet_authors import version1, version2
from torch import nn

from martlet.errors import MartletError
from martlet.models.weights.recognising import Recognised, recognise
from martlet.models.weights.unwrapping import candidates

FILE = Path("net.pth")


def told(network: nn.Module, library: str | None = None, name: str | None = None) -> Recognised:
    return recognise(FILE, candidates(network.state_dict()), library, name)


@pytest.mark.parametrize(
    ("library", "theirs", "name", "options"),
    [
        ("torchvision", "shufflenet_v2_x1_5", "shufflenet_v2_x1_5", {}),
        ("torchvision", "mobilenet_v2", "mobilenet_v2_x1_0", {}),
        ("torchvision", "mobilenet_v3_small", "mobilenet_v3_small_x1_0", {}),
        ("torchvision", "mobilenet_v3_large", "mobilenet_v3_large_x1_0", {}),
        ("torchvision", "resnet18", "resnet18", {}),
        ("torchvision", "resnext50_32x4d", "resnext50_32x4d", {}),
        ("timm", "mobilenetv1_100", "mobilenet_v1_relu6_x1_0", {}),
        ("timm", "mobilenetv2_035", "mobilenet_v2_x0_35", {}),
        ("timm", "mobilenetv3_small_050", "mobilenet_v3_small_x0_5", {"bn_eps": 1e-5}),
        ("timm", "seresnet50", "se_resnet50", {"stride_first": False}),
        ("timm", "legacy_seresnet50", "se_resnet50", {"ceil_pool": True}),
        ("pytorchcv", "shufflenet_g3_wd4", "shufflenet_v1_g3_x0_25", None),
        ("pytorchcv", "shufflenetv2_w3d2", "shufflenet_v2_x1_5", None),
        ("pytorchcv", "shufflenetv2b_wd2", "shufflenet_v2_authors_x0_5", {"shuffle": "after"}),
        ("pytorchcv", "mobilenetv3_small_w1", "mobilenet_v3_small_1280", {"bn_eps": 1e-5}),
        ("pytorchcv", "resnet20_cifar10", "resnet20", {}),
        ("pytorchcv", "seresnet18", "se_resnet18", {}),
        pytest.param("pytorchcv", "cbam_resnet18", "cbam_resnet18", {}, marks=pytest.mark.slow),
    ],
)
def test_library_and_network(
    library: str, theirs: str, name: str, options: dict[str, Any] | None
) -> None:
    make = {
        "torchvision": lambda name, **given: getattr(torchvision.models, name)(**given),
        "timm": timm.create_model,
        "pytorchcv": get_model,
    }[library]
    with torch.device("meta"):
        network = make(theirs, num_classes=10)
    found = told(network)
    assert (found.library, found.found.name, found.found.num_classes) == (library, name, 10)
    assert options is None or found.found.options == options


def test_the_shufflenet_authors_networks() -> None:
    assert told(version1(24, 240, 3)).found.name == "shufflenet_v1_g3_x1_0"
    found = told(version1(16, 192, 8))
    assert (found.library, found.found.name) == ("shufflenet_authors", "shufflenet_v1_g8_x0_5")
    assert told(version2(116, 1024)).found.name == "shufflenet_v2_authors_x1_0"


def test_a_network_of_two_libraries_is_said_to_be() -> None:
    with torch.device("meta"):
        network = torchvision.models.resnet18()
    found = told(network)
    assert found.told == (
        "timm has the same tensors: `martlet convert --from timm` prepares pictures as it does",
    )
    assert told(network, "timm").library == "timm"
    assert told(network, "torchvision").told == ()


def test_two_functions_of_the_same_tensors_are_not_guessed() -> None:
    with torch.device("meta"):
        network = get_model("resnet50")
    with pytest.raises(
        MartletError,
        match=r"two networks of pytorchcv, both .*say which to `martlet convert` w",
    ):
        told(network)
    assert told(network, "pytorchcv", "resnet50b").found.options == {}
    assert told(network, "pytorchcv", "resnet50").found.options == {"stride_first": True}


def test_what_is_not_recognised() -> None:
    with torch.device("meta"):
        other = torchvision.models.squeezenet1_0()
        small = torchvision.models.shufflenet_v2_x0_5()
    with pytest.raises(
        MartletError,
        match=r"52 tensors \(such as 'features.0.weight', .*`martlet convert` w",
    ):
        told(other)
    with pytest.raises(MartletError, match="none of timm's networks"):
        told(small, "timm")
    with pytest.raises(MartletError, match="none of any library's mobilenet_v2_x1_0"):
        told(small, None, "mobilenet_v2_x1_0")
    with pytest.raises(MartletError, match="model 'shufflenet_v9' is not known; did you mean"):
        told(small, None, "shufflenet_v9")
    with pytest.raises(MartletError, match="not those of torchvision's shufflenet_v2_x1_0"):
        told(small, "torchvision", "shufflenet_v2_x1_0")


def test_what_does_not_fit_is_said_of_the_tensors_without_prefix() -> None:
    with torch.device("meta"):
        state = torchvision.models.shufflenet_v2_x0_5().state_dict()
    wrapped = {f"module.{name}": tensor for name, tensor in state.items() if name != "fc.bias"}
    with pytest.raises(MartletError, match=r"1 missing \(such as 'classifier.bias'\)\.$"):
        recognise(FILE, candidates(wrapped), "torchvision", "shufflenet_v2_x0_5")
