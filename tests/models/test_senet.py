"""SENets: the parts. Figures are in docs/family.md, outputs are compared in weights/."""

import pytest
import torch
from torch import nn

from martlet.errors import MartletError
from martlet.models import create_model, list_models


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


@pytest.mark.parametrize(("option", "value"), [("ceil_pool", True), ("stride_first", False)])
def test_options_of_residual_networks_alone(option: str, value: bool) -> None:
    with pytest.raises(MartletError, match=rf"se_mobilenet_v1_x1_0 has no option '{option}'"):
        create_model("se_mobilenet_v1_x1_0", **{option: value})  # type: ignore[arg-type]


def test_every_residual_network_of_the_papers_has_its_twin() -> None:
    twins = set(list_models("se_*"))
    assert {f"se_{name}" for name in list_models("res*") + list_models("wide_*")} <= twins
