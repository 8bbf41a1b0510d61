"""Networks as torchvision and timm define them, exported by torch: no layer may move their maps."""

import warnings
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import timm
import torch
import torchvision

from swiftlet.compiler import compile_onnx

TORCHVISION = (
    *("shufflenet_v2_x0_5", "mobilenet_v2", "mobilenet_v3_small", "squeezenet1_1", "mnasnet0_5"),
    *("densenet121", "googlenet", "efficientnet_b0"),
)
TIMM = (
    *("mobilenetv3_small_050", "tf_mobilenetv3_small_minimal_100", "mobilenetv2_050", "lcnet_050"),
    *("ghostnet_050", "mixnet_s", "regnetx_002", "resnet10t", "mobilenetv4_conv_small"),
)
SIZE = 64  # pixels of a side: enough for every stage to have a map


@pytest.mark.slow
@pytest.mark.parametrize("operator_set", [11, 17])
@pytest.mark.parametrize("name", [*TORCHVISION, *(f"timm/{name}" for name in TIMM)])
def test_gives_what_onnx_runtime_gives(name: str, operator_set: int, tmp_path: Path) -> None:
    if operator_set == 11 and "mobilenet_v3" not in name and "mobilenetv3" not in name:
        pytest.skip("older operators matter to the activations of these alone")
    torch.manual_seed(0)
    own = name.removeprefix("timm/")
    path = tmp_path / "m.onnx"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of the libraries, and of torch's older exporter
        model = timm.create_model(own) if own != name else getattr(torchvision.models, own)()
        with torch.no_grad():
            model.train()(torch.randn(4, 3, SIZE, SIZE))  # statistics of its own
        example = torch.randn(1, 3, SIZE, SIZE)
        torch.onnx.export(
            model.eval(), (example,), str(path), dynamo=False, opset_version=operator_set
        )
    network = compile_onnx(path, tmp_path / "out")
    x = example.numpy()
    session = onnxruntime.InferenceSession(path)
    expected = session.run(None, {session.get_inputs()[0].name: x})[0]
    assert np.abs(network(x) - expected).max() < 1e-5 * np.abs(expected).max()
    if own not in ("ghostnet_050", "mixnet_s"):  # depthwise convolutions of pieces of maps
        assert network.description.moved_bytes == 0
