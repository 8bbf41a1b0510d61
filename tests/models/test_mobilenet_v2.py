"""MobileNetV2: golden numbers, any width, the small form.

That the blocks compute what torchvision's do is tested with its weights, in weights/.
"""

import pytest
import torch
import torchvision

from swiftlet.measuring.cost import cost
from swiftlet.models import create_model, spec
from swiftlet.models.mobilenet_v2 import VARIANTS, InvertedResidual, other_width


def test_golden_numbers() -> None:
    rows = {row.width: (row.params, round(row.macs / 1e6, 2)) for row in VARIANTS}
    assert rows[1.0] == (3_504_872, 300.77)
    assert rows[1.4] == (6_108_776, 582.20)


@pytest.mark.parametrize("width", [0.6, 1.3])
def test_params_of_torchvision_at_every_width(width: float) -> None:
    name = f"mobilenet_v2_x{width}".replace(".", "_")
    with torch.device("meta"):
        theirs = torchvision.models.MobileNetV2(width_mult=width)
        ours = create_model(name)
    shapes = sorted(tuple(p.shape) for p in theirs.parameters())
    assert sorted(tuple(p.shape) for p in ours.parameters()) == shapes
    assert spec(name).params == sum(p.numel() for p in theirs.parameters())
    assert spec(name).macs == cost(theirs, (1, 3, 224, 224)).macs


@pytest.mark.parametrize(
    "name", ["mobilenet_v2_x0_0", "mobilenet_v2_x4_1", "mobilenet_v2_1_0", "x"]
)
def test_names_that_are_no_width(name: str) -> None:
    assert other_width(name) is None


# Sizes of the networks that chenyaofo/pytorch-cifar-models trains on CIFAR.
@pytest.mark.parametrize(
    ("width", "params", "macs"),
    [("x0_5", 0.70, 28.0), ("x0_75", 1.37, 59.3), ("x1_0", 2.24, 88.0), ("x1_4", 4.33, 170.1)],
)
def test_form_for_small_pictures(width: str, params: float, macs: float) -> None:
    with torch.device("meta"):
        model = create_model(f"mobilenet_v2_{width}", num_classes=10, small_input=True)
    found = cost(model, (1, 3, 32, 32))
    assert found.params / 1e6 == pytest.approx(params, abs=0.006)
    assert found.macs / 1e6 == pytest.approx(macs, abs=0.06)
    assert model.forward_features(torch.empty(1, 3, 32, 32, device="meta")).shape[2:] == (4, 4)


def test_residual_only_where_shapes_agree() -> None:
    x = torch.randn(1, 8, 6, 6)
    same = InvertedResidual(8, 8, 1, 6).eval()
    assert torch.equal(same(x), x + same.layers(x))
    for block in (InvertedResidual(8, 16, 1, 6).eval(), InvertedResidual(8, 8, 2, 6).eval()):
        assert torch.equal(block(x), block.layers(x))


def test_bottleneck_is_linear() -> None:
    block = InvertedResidual(8, 16, 1, 6).eval()
    assert block(torch.randn(2, 8, 6, 6)).min() < 0
    assert len(InvertedResidual(8, 16, 1, 1).layers) == 2  # t=1: nothing to expand
