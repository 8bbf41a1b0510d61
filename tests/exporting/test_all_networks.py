from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import torch

from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.exporting import export_onnx
from martlet.inference import load
from martlet.models import ImageInput, create_model, list_models, spec

FEW = ("shufflenet_series",)
CONVOLUTIONS = (torch.nn.Conv1d, torch.nn.Conv2d, torch.nn.Conv3d)
SOME = (
    *("shufflenet_v1_g3_x0_5", "hybridsn", "shufflenet_v2_x0_5", "mobilenet_v2_x0_35"),
    *("mobilenet_v3_small_x1_0", "cbam_resnet20"),
)


def mark(name: str) -> tuple[pytest.MarkDecorator, ...]:
    """FEW in a plain run, SOME as `slow`, all others as `long`."""
    if name in FEW:
        return ()
    return (pytest.mark.slow if name in SOME else pytest.mark.long,)


@pytest.mark.parametrize("name", [pytest.param(n, marks=mark(n)) for n in list_models()])
def test_exports_with_an_open_batch_and_without_batch_norm(name: str, tmp_path: Path) -> None:
    torch.manual_seed(0)
    shape, preprocess, options = spec(name).input.shape, None, {}
    if isinstance(spec(name).input, ImageInput):
        shape, preprocess, options = (3, 32, 32), Preprocess(size=32), {"small_input": True}
    model = create_model(name, num_classes=4, **options)
    if preprocess:
        model = model.to(memory_format=torch.channels_last)
    with torch.no_grad():
        model(torch.randn(8, *shape))  # running statistics of their own
    path = tmp_path / "m.onnx"
    exported = export_onnx(model, path, preprocess=preprocess, shape=shape, classes=list("abcd"))
    convolutions = sum(isinstance(module, CONVOLUTIONS) for module in model.modules())
    assert exported.nodes["Conv"] == convolutions
    assert "BatchNormalization" not in exported.nodes
    batch = np.random.default_rng(3).standard_normal((5, *shape), np.float32)
    found = onnxruntime.InferenceSession(path).run(None, {"input": batch})[0]
    with torch.inference_mode():
        expected = model.eval()(torch.from_numpy(batch)).numpy()
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-4 * np.abs(expected).max())
    if preprocess is None:
        with pytest.raises(MartletError, match="does not say how its inputs are prepared"):
            load(path)
