from pathlib import Path

import pytest

from martlet.compiler import profile_onnx
from martlet.errors import MartletError


@pytest.mark.parametrize("target", ["native", "portable"])
def test_every_layer_is_timed(tiny: Path, target: str) -> None:
    found = profile_onnx(tiny, target=target, seconds=0.05)
    net = [layer for layer in found.layers if layer.name == "a/b"]
    assert [layer.macs for layer in net] == [8 * 8 * 120]
    assert found.peak_gflops > 0
    assert found.macs == sum(layer.macs for layer in found.layers) > 0
    assert all(layer.milliseconds >= 0 for layer in found.layers)
    assert 0 < found.gflops < 2 * found.peak_gflops
    x, y, weights = 4 * 8 * 120, 4 * 8 * 120, 4 * (8 * 8 + 8)
    assert x + y + weights <= net[0].bytes <= 3 * (x + y + weights)


def test_layers_of_other_machines_are_not_timed(tiny: Path) -> None:
    with pytest.raises(MartletError, match="does not run here"):
        profile_onnx(tiny, target="wasm32")
