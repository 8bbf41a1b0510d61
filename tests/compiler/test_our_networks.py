"""Every network of the table, compiled, gives what PyTorch gives.

But for a few that only have more of another's blocks (see `exported.py`), and most of them only
in `long`: each way to build a block is in the others.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.compiler.exported import NETWORK_CLOSE, NETWORKS, marked, older_export, ours, worst
from tests.compiler.graphs import planned

from martlet.compiler import compile_onnx
from martlet.exporting import export_onnx

QUICK = (
    "mobilenet_v3_small_x0_5",
    "shufflenet_v2_x0_5",
)
SLOW = (
    *("hybridsn_salinas", "shufflenet_v1_g8_x0_25"),
    *("cbam_mobilenet_v1_x0_7", "mobilenet_v1_full_conv", "mobilenet_v1_relu6_x1_0"),
    *("mobilenet_v2_x0_35", "mobilenet_v3_large_minimalistic", "mobilenet_v3_small_paper"),
    *("resnet18", "resnext50_32x4d", "se_mobilenet_v1_everywhere_x0_7", "se_resnet20"),
    *("se_shufflenet_v1_g3_x1_0", "shufflenet_series_x0_5", "shufflenet_v1_arch2_g4_x0_25"),
    *("shufflenet_v1_g1_x0_25", "shufflenet_v1_g2_x0_5", "shufflenet_v1_g3_x0_5"),
    *("shufflenet_v2_authors_x0_5", "shufflenet_v2_detection_x0_5", "units_resnet_13m"),
    *("units_resnext_13m", "units_shufflenet_13m", "units_vgg_13m"),
)
AT_ITS_OWN_SIZE = (
    *("cbam_resnet18", "mobilenet_v1_x0_5", "mobilenet_v2_x1_0", "mobilenet_v3_small_x1_0"),
    *("resnet18", "se_resnet18", "shufflenet_v1_g3_x1_0", "shufflenet_v2_x1_0"),
    "units_xception_13m",
)


@pytest.fixture
def folder() -> Iterator[Path]:
    """Gone after the test, unlike pytest's own: some of the files are large."""
    with tempfile.TemporaryDirectory() as scratch:
        yield Path(scratch)


@pytest.mark.parametrize("name", marked([*NETWORKS, "resnext101_32x4d"], QUICK, SLOW))
def test_gives_what_torch_gives(name: str, folder: Path) -> None:
    """With pictures of at most 64 × 64, so that the C is shorter; networks of other inputs, and
    those for pictures of 32 × 32, have their own size."""
    model, shape = ours(name)
    path = older_export(folder / "net.onnx", model, shape)
    network = compile_onnx(path, folder / "out", weights="file")
    assert worst(network, model, shape) <= NETWORK_CLOSE


@pytest.mark.parametrize(
    "name", marked(AT_ITS_OWN_SIZE, slow=("cbam_resnet18", "mobilenet_v3_small_x1_0"))
)
def test_at_its_own_size(name: str, folder: Path) -> None:
    """As users compile: pictures of 224 × 224, through `export_onnx`, weights in the library.

    The other exporter's file, which the other tests take, becomes the same layers.
    """
    model, shape = ours(name, side=None)
    path = folder / "net.onnx"
    export_onnx(model, path, preprocess=None, shape=shape, classes=list("abcdefg"))
    assert worst(compile_onnx(path, folder / "out"), model, shape) <= NETWORK_CLOSE
    if name.startswith("shufflenet_v2_x"):
        return  # all tests take the same exporter's file
    older = older_export(folder / "older.onnx", model, shape)
    one, other = (planned(made, "native")[0] for made in (path, older))
    assert [x.summary() for x in one.layers] == [x.summary() for x in other.layers]
