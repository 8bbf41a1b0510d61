"""SENets: Tables 2 and 10, and the parts. Outputs are compared with timm's in weights/."""

from math import ceil

import pytest
import timm
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.models import Attention, create_model, list_models, spec
from martlet.ops.attention import SqueezeExcite

LEGACY = {  # timm's copies of the authors' Caffe models, and ours
    "legacy_seresnet18": "se_resnet18",
    "legacy_seresnet34": "se_resnet34",
    "legacy_seresnet50": "se_resnet50",
    "legacy_seresnet101": "se_resnet101",
    "legacy_seresnet152": "se_resnet152",
    "legacy_seresnext50_32x4d": "se_resnext50_32x4d",
    "legacy_seresnext101_32x4d": "se_resnext101_32x4d",
    "legacy_senet154": "senet154",
}


@pytest.mark.parametrize(("theirs", "ours"), LEGACY.items())
def test_params_are_timms(theirs: str, ours: str) -> None:
    with torch.device("meta"):
        network = timm.create_model(theirs)
    assert spec(ours).params == sum(p.numel() for p in network.parameters())


@pytest.mark.parametrize(
    ("reduction", "million"), [(2, 45.7), (4, 35.7), (8, 30.7), (16, 28.1), (32, 26.9)]
)
def test_params_of_table_10(reduction: int, million: float) -> None:
    """The table rounds up: 30.60M is printed as 30.7M."""
    attention = Attention("se", reduction=reduction)
    for name in ("resnet50", "se_resnet50"):  # the row's own r is replaced
        with torch.device("meta"):
            network = create_model(name, attention=attention)
        params = sum(parameter.numel() for parameter in network.parameters())
        assert ceil(params / 1e5) / 10 == million


def test_costs_little_more_than_without() -> None:
    """Table 2: 3.86 becomes 3.87 GFLOPs; the difference is that of the modules alone."""
    with torch.device("meta"):
        found = cost(create_model("se_resnet50"), (1, 3, 224, 224))
        plain = cost(create_model("resnet50", stride_first=True), (1, 3, 224, 224))
    modules = [row for row in found.by_module() if row.type == "SqueezeExcite"]
    assert len(modules) == 16
    assert found.macs - plain.macs == sum(row.macs for row in modules) == 2_514_944


def test_four_changes_of_senet154() -> None:
    with torch.device("meta"):
        network = create_model("senet154")
    shapes = {key: tuple(p.shape) for key, p in network.named_parameters() if p.dim() == 4}
    stem = [shapes[f"conv1.{number}.conv.weight"] for number in range(3)]
    assert stem == [(64, 3, 3, 3), (64, 64, 3, 3), (128, 64, 3, 3)]
    assert shapes["layer2.0.conv1.conv.weight"] == (256, 256, 1, 1)  # of 512 in ResNeXt
    assert shapes["layer2.0.conv2.conv.weight"] == (512, 4, 3, 3)  # 64 groups
    assert shapes["layer1.0.shortcut.conv.weight"] == (256, 128, 1, 1)
    assert shapes["layer2.0.shortcut.conv.weight"] == (512, 256, 3, 3)
    assert [m.p for m in network.modules() if isinstance(m, nn.Dropout)] == [0.2]


def test_modules_of_the_small_networks() -> None:
    for name, blocks in (("se_mobilenet_v1_x1_0", 13), ("se_shufflenet_v1_g3_x1_0", 16)):
        with torch.device("meta"):
            network = create_model(name)
        assert sum(isinstance(m, SqueezeExcite) for m in network.modules()) == blocks


@pytest.mark.parametrize(("option", "value"), [("ceil_pool", True), ("stride_first", False)])
def test_options_of_residual_networks_alone(option: str, value: bool) -> None:
    with pytest.raises(MartletError, match=rf"se_mobilenet_v1_x1_0 has no option '{option}'"):
        create_model("se_mobilenet_v1_x1_0", **{option: value})  # type: ignore[arg-type]


def test_every_residual_network_of_the_papers_has_its_twin() -> None:
    twins = set(list_models("se_*"))
    assert {f"se_{name}" for name in list_models("res*") + list_models("wide_*")} <= twins
