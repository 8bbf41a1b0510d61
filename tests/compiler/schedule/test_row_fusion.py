from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from tests.compiler.exported import our_file
from tests.compiler.networks import network, random

from martlet.compiler import compile_onnx
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.pipeline import make_program
from martlet.compiler.targets import target


@pytest.fixture(scope="module")
def inverted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An inverted residual on large maps: 1×1 to 72 channels, depthwise with stride, 1×1."""
    node = onnx.helper.make_node
    nodes = [
        node("Conv", ["x", "a", "p"], ["c"], name="expand"),
        node("Relu", ["c"], ["r"]),
        node("Conv", ["r", "b", "q"], ["d"], name="depthwise", group=72, strides=[2, 2],
             pads=[1, 1, 1, 1]),
        node("Relu", ["d"], ["s"]),
        node("Conv", ["s", "k"], ["y"], name="project"),
    ]  # fmt: skip
    values = {
        "a": random(1, 72, 6, 1, 1), "b": random(2, 72, 1, 3, 3), "k": random(3, 10, 72, 1, 1),
        "p": random(4, 72), "q": random(5, 72),
    }  # fmt: skip
    model = network(nodes, {"x": (1, 6, 53, 47)}, {"y": (1, 10, 27, 24)}, values)
    path = tmp_path_factory.mktemp("inverted") / "inverted.onnx"
    onnx.save(model, path)
    return path


def test_a_product_and_the_windows_behind_it_take_turns_by_blocks(inverted: Path) -> None:
    program, schedule = make_program(inverted, target("x86-64-v4"))
    expand, depthwise, project = (
        next(layer for layer in program.layers if layer.name == name)
        for name in ("expand", "depthwise", "project")
    )
    assert expand.name in schedule.banded
    slices = schedule.slices[expand.name]
    assert slices == schedule.slices[depthwise.name]
    assert slices[0] == 0
    assert slices[-1] == 5  # vectors of 16 for 72 channels
    assert project.name not in schedule.slices


FEW = {("native", 1), ("native", 3), ("portable", 2)}


@pytest.mark.parametrize(
    ("name", "threads"),
    [
        pytest.param(name, n, marks=() if (name, n) in FEW else pytest.mark.slow)
        for name in ("native", "x86-64-v3", "portable")
        for n in (1, 2, 3)
    ],
)
def test_turns_change_no_value(name: str, threads: int, inverted: Path, tmp_path: Path) -> None:
    net = compile_onnx(inverted, tmp_path, target=name, threads=threads)
    assert "slice < " in (tmp_path / "inverted.c").read_text()
    x = random(6, 1, 6, 53, 47)
    (expected,) = onnxruntime.InferenceSession(inverted).run(None, {"x": x})
    np.testing.assert_allclose(net(x), expected, rtol=0, atol=1e-5 * np.abs(expected).max())


def test_threads_keep_apart_what_they_could_not_share_evenly(tmp_path: Path) -> None:
    """Of 14 rows before a 5x5 window of stride 2, one of two threads would make 10."""
    our_file(tmp_path / "net.onnx", "mobilenet_v3_large_x1_0", 224)
    for threads, together in ((1, True), (2, False)):
        path, chosen = tmp_path / "net.onnx", target("x86-64-v3")
        program, schedule = make_program(path, chosen, threads=threads)
        (end,) = (x for x in program.layers if isinstance(x, Windowed) and _halves(x, 672, 14))
        assert (end.name in schedule.banded) == together
        large = [x for x in program.layers if isinstance(x, Windowed) and _halves(x, 64, 112)]
        assert all(layer.name in schedule.banded for layer in large)
        assert large


def _halves(layer: Windowed, channels: int, rows: int) -> bool:
    return layer.x.shape == (1, channels, rows, rows) and layer.window.rows == rows // 2
