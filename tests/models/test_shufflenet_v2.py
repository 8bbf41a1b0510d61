"""ShuffleNet V2: golden numbers, the small form, and the differences that the file lists.

That the units compute what torchvision's do is tested with its weights, in weights/.
"""

import pytest
import torch
from torch import nn

from swiftlet.measuring.cost import cost
from swiftlet.models import create_model
from swiftlet.models.shufflenet_v2 import VARIANTS, ShuffleUnit


def test_golden_numbers_of_torchvision() -> None:
    assert [row.params for row in VARIANTS] == [1_366_792, 2_278_604, 3_503_624, 7_393_996]
    assert [round(row.macs / 1e6, 2) for row in VARIANTS] == [40.48, 144.91, 295.76, 583.25]


# Sizes of the networks that chenyaofo/pytorch-cifar-models trains on CIFAR.
@pytest.mark.parametrize(
    ("width", "params", "macs"),
    [("x0_5", 0.35, 10.9), ("x1_0", 1.26, 45.0), ("x1_5", 2.49, 94.3), ("x2_0", 5.37, 187.8)],
)
def test_form_for_small_pictures(width: str, params: float, macs: float) -> None:
    with torch.device("meta"):
        model = create_model(f"shufflenet_v2_{width}", num_classes=10, small_input=True)
    found = cost(model, (1, 3, 32, 32))
    assert found.params / 1e6 == pytest.approx(params, abs=0.006)
    assert found.macs / 1e6 == pytest.approx(macs, abs=0.06)
    assert model.forward_features(torch.empty(1, 3, 32, 32, device="meta")).shape[2:] == (4, 4)


def test_half_of_the_channels_pass_unchanged() -> None:
    unit = ShuffleUnit(8, 8, stride=1).eval()
    x = torch.randn(1, 8, 5, 5)
    y = unit(x)
    assert torch.equal(y[:, 0::2], x[:, :4])
    assert torch.equal(y[:, 1::2], unit.main(x[:, 4:]))


def test_both_branches_of_a_stride_two_unit_give_half() -> None:
    unit = ShuffleUnit(6, 20, stride=2).eval()
    assert unit.shortcut is not None
    x = torch.randn(1, 6, 9, 9)
    y = unit(x)
    assert y.shape == (1, 20, 5, 5)
    assert torch.equal(y[:, 0::2], unit.shortcut(x))
    assert torch.equal(y[:, 1::2], unit.main(x))


def test_no_dropout_unless_asked_for() -> None:
    model = create_model("shufflenet_v2_x2_0", num_classes=0)
    features = torch.ones(2, 2048, 2, 2)
    assert torch.equal(model.forward_head(features), torch.ones(2, 2048))


def test_weights_start_from_he_law_per_group() -> None:
    torch.manual_seed(0)
    model = create_model("shufflenet_v2_x2_0")
    for conv in (m for m in model.modules() if isinstance(m, nn.Conv2d)):
        fan_out = conv.out_channels // conv.groups * conv.weight[0, 0].numel()
        assert conv.weight.std().item() == pytest.approx((2 / fan_out) ** 0.5, rel=0.12)
