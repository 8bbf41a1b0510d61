import onnx
import pytest
from tests.compiler.exported import OurPath
from tests.compiler.graphs import agree, graph, planned

from martlet.compiler.codegen.emit import emit
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.targets import target


def inverted() -> onnx.ModelProto:
    """An inverted residual on large maps: 1×1 to 72 channels, depthwise with stride, 1×1."""
    nodes = """
        expand = Conv (x, a, p)
        r = Relu (expand)
        depthwise = Conv <group = 72, strides = [2, 2], pads = [1, 1, 1, 1]> (r, b, q)
        s = Relu (depthwise)
        project = Conv (s, k)"""
    weights = {"a": (72, 6, 1, 1), "b": (72, 1, 3, 3), "k": (10, 72, 1, 1), "p": (72,), "q": (72,)}
    return graph(nodes, (1, 6, 53, 47), "project", **weights)


def test_a_product_and_the_windows_behind_it_take_turns_by_blocks() -> None:
    program, schedule = planned(inverted())
    layers = {layer.name: layer for layer in program.layers}
    expand, depthwise, project = (layers[name] for name in ("expand", "depthwise", "project"))
    assert expand.name in schedule.banded
    slices = schedule.slices[expand.name]
    assert slices == schedule.slices[depthwise.name]
    assert slices[0] == 0
    assert slices[-1] == 5  # vectors of 16 for 72 channels
    assert project.name not in schedule.slices


def test_turns_change_no_value() -> None:
    chosen = target("portable")
    assert "slice < " in emit(*planned(inverted(), "portable"), chosen).source
    agree(inverted(), threads=(1, 2, 3))
    agree(inverted(), targets=["portable"], threads=2)


@pytest.mark.slow
def test_avx2_gives_the_same() -> None:
    agree(inverted(), targets=["x86-64-v3"], threads=(1, 2, 3))


@pytest.mark.slow
def test_threads_keep_apart_what_they_could_not_share_evenly(our_path: OurPath) -> None:
    """Of 14 rows before a 5x5 window of stride 2, one of two threads would make 10."""
    path = our_path("mobilenet_v3_large_x1_0", 224)
    for threads, together in ((1, True), (2, False)):
        program, schedule = planned(path, "x86-64-v3", threads)
        (end,) = (x for x in program.layers if isinstance(x, Windowed) and _halves(x, 672, 14))
        assert (end.name in schedule.banded) == together
        large = [x for x in program.layers if isinstance(x, Windowed) and _halves(x, 64, 112)]
        assert all(layer.name in schedule.banded for layer in large)
        assert large


def _halves(layer: Windowed, channels: int, rows: int) -> bool:
    return layer.x.shape == (1, channels, rows, rows) and layer.window.rows == rows // 2
