"""Networks as torchvision and timm define them, exported by torch: no layer may move their maps."""

import tempfile
import warnings
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from tests.compiler.exported import NETWORK_CLOSE, SIDE, marked, of_its_own, older_export, worst

from martlet.compiler import CompiledNetwork, compile_onnx

TORCHVISION = (
    *("shufflenet_v2_x0_5", "shufflenet_v2_x1_0", "shufflenet_v2_x1_5", "shufflenet_v2_x2_0"),
    *("mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "squeezenet1_0", "squeezenet1_1"),
    *("mnasnet0_5", "mnasnet0_75", "mnasnet1_0", "mnasnet1_3"),
    *("densenet121", "googlenet", "efficientnet_b0"),
)
TIMM = (
    *("mobilenetv3_small_050", "mobilenetv3_small_100", "mobilenetv3_large_100"),
    *("tf_mobilenetv3_small_minimal_100", "mobilenetv2_050", "lcnet_050", "ghostnet_050"),
    *("mixnet_s", "regnetx_002", "resnet10t", "mobilenetv4_conv_small"),
)
SLOW = (
    *("shufflenet_v2_x0_5", "mobilenet_v3_small", "squeezenet1_1", "mnasnet0_5", "googlenet"),
    *("timm/ghostnet_050", "timm/mixnet_s", "timm/lcnet_050", "timm/regnetx_002"),
    "timm/mobilenetv4_conv_small",
)
OLD = ("mobilenet_v3_small", "timm/mobilenetv3_small_050", "timm/tf_mobilenetv3_small_minimal_100")
AT_ITS_OWN_SIZE = (
    *("shufflenet_v2_x1_0", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "mnasnet0_5"),
    "timm/mobilenetv3_large_100",
)
PIECES = ("timm/ghostnet_050", "timm/mixnet_s")  # depthwise convolutions of pieces of maps


def compiled(name: str, side: int, operator_set: int = 17) -> tuple[CompiledNetwork, float]:
    """One of their networks with random weights, and its error."""
    torch.manual_seed(0)
    own, shape = name.removeprefix("timm/"), (3, side, side)
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as scratch:
        warnings.simplefilter("ignore")  # of the libraries
        model = timm.create_model(own) if own != name else getattr(torchvision.models, own)()
        path = Path(scratch) / "net.onnx"
        # torchvision's fresh weights are small: little of the input would be left
        momentum = 0.98 if "shuffle" in name or "lcnet" in name else 0.5 if own != name else 1.0
        model = of_its_own(model, shape, momentum)
        older_export(path, model, shape, operator_set)
        network = compile_onnx(path, Path(scratch) / "out", weights="file")
        return network, worst(network, model, shape)


@pytest.mark.parametrize(
    "name", marked((*TORCHVISION, *(f"timm/{name}" for name in TIMM)), slow=SLOW)
)
def test_gives_what_torch_gives(name: str) -> None:
    """With pictures of 64 × 64, so that the C is shorter."""
    network, error = compiled(name, SIDE)
    assert error <= NETWORK_CLOSE
    if name not in PIECES:
        assert network.description.moved_bytes == 0


@pytest.mark.parametrize("name", marked(OLD, slow=["timm/mobilenetv3_small_050"]))
def test_operators_of_an_older_set(name: str) -> None:
    """They matter to the activations of these networks alone."""
    network, error = compiled(name, SIDE, operator_set=11)
    assert error <= NETWORK_CLOSE
    assert network.description.moved_bytes == 0


@pytest.mark.parametrize("name", marked(AT_ITS_OWN_SIZE, slow=["mobilenet_v2"]))
def test_at_its_own_size(name: str) -> None:
    network, error = compiled(name, 224)
    assert error <= NETWORK_CLOSE
    assert network.description.moved_bytes == 0
