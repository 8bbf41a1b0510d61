"""The end of a network as one layer: a product, means, and a large linear layer of them."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.compiler.exported import NETWORK_CLOSE, marked, ours, worst
from tests.compiler.graphs import HERE, agree, graph, planned

from martlet.compiler import compile_onnx
from martlet.compiler.kernels.classifier_head import Head, Total
from martlet.exporting import export_onnx

SIDES, INS, OUTS = (14, 14), 96, 1000  # 1,000 outputs of 256 means: half of most second caches
KINDS = ("plain", "padded", "grouped", "residual", "shuffled", "gated", "two outputs", "zero")
LINEAR = "f = Flatten (m) l = Gemm <transB = 1> (f, k, o)"


def net(
    kind: str = "plain",
    channels: int = 256,
    outs: int = OUTS,
    *,
    batch: int = 1,
    sides: tuple[int, ...] = SIDES,
    second: tuple[int, ...] = (),
    linear: str = LINEAR,
    **more: object,
) -> onnx.ModelProto:
    """Convolution, mean and linear layer, with more around them.

    Where `second` is given, the maps have these sides before the product, and as many places.
    """
    channels -= 7 if kind == "padded" else 0
    ins, groups = (channels if kind == "residual" else INS), (2 if kind == "grouped" else 1)
    window = [1] * len(second or sides)
    before = {
        "gated": "s = GlobalAveragePool (r) h = HardSigmoid (s) x1 = Mul (r, h)",
        "residual": "b = Conv (r, n) x1 = Relu (b)",
    }.get(kind, "x1 = Relu (r)" if not second else "x1 = Reshape (r, second)")
    after = {
        "residual": "q = Add (p, x1) y1 = Relu (q)",
        "shuffled": """
            q = Relu (p)
            i = Reshape (q, five)
            j = Transpose <perm = [0, 2, 1, 3, 4]> (i)
            y1 = Reshape (j, four)""",
    }.get(kind, "y1 = Relu (p)")
    nodes = f"""
        t = Conv (x, a)
        r = Relu (t)
        {before}
        p = Conv <group = {groups}> (x1, w, c)
        {after}
        m = GlobalAveragePool (y1)
        {linear}
        y = Relu (l)"""
    weights: dict[str, object] = {
        "a": (INS, 3, 1, 1), "n": (channels, INS, 1, 1), "w": (channels, ins // groups, *window),
        "c": (channels,), "k": (outs, channels), "o": (outs,), "second": [1, INS, *second],
        "five": [batch, 4, channels // 4, *sides], "four": [batch, channels, *sides],
    }  # fmt: skip
    if kind == "zero":
        weights["k"] = np.zeros((outs, channels), np.float32)
    outputs = "y f" if kind == "two outputs" else "y"
    return graph(nodes, (batch, 3, *sides), outputs, **weights | more)


def heads(model: onnx.ModelProto, name: str = "x86-64-v4", threads: int = 1) -> list[Head]:
    program, _ = planned(model, name, threads)
    return [layer for layer in program.layers if isinstance(layer, Head)]


@pytest.mark.parametrize(
    ("kind", "threads"), [*((kind, 2) for kind in KINDS), ("plain", 1), ("residual", 3)]
)
def test_the_numbers(kind: str, threads: int) -> None:
    model = net(kind)
    kinds = [type(layer) for layer in planned(model, HERE, threads)[0].layers]
    assert [kind for kind in kinds if kind in (Head, Total)] == [Head, Total]
    agree(model, targets=[HERE], threads=threads)


@pytest.mark.parametrize("kind", ["padded", pytest.param("residual", marks=pytest.mark.slow)])
def test_any_number_of_threads_gives_the_same_bits(kind: str) -> None:
    agree(net(kind), targets=[HERE], threads=(1, 2, 5))


@pytest.mark.parametrize("name", ["x86-64-v3", "aarch64", "portable"])
def test_other_vectors(name: str) -> None:
    """Where a core's second cache is not known, nothing is fetched, and nothing is joined."""
    assert len(heads(net("padded", outs=300), name)) == (name != "portable")


def test_avx2_gives_the_same() -> None:
    agree(net("shuffled"), targets=["x86-64-v3"])


def test_small_linear_layers_stay_what_they_are() -> None:
    """Their weights wait in the cache."""
    assert heads(net())
    assert not heads(net(outs=200))


def test_where_the_product_is_short_nothing_is_gained() -> None:
    """8,000 outputs: 8 MB, which 4.8 million multiplications do not give the time for."""
    assert not heads(net(outs=8000))


@pytest.mark.parametrize(("step", "joined"), [(1, 1), (2, 0)])
def test_a_part_of_the_means(step: int, joined: int) -> None:
    """The first half is fine; between every other one are lanes that may hold anything."""
    cut = "f = Flatten (m) u = Slice (f, v0, v1, one, by) l = Gemm <transB = 1> (u, k, o)"
    ends = {"v0": [0], "v1": [128 * step], "one": [1], "by": [step]}
    model = net("two outputs", linear=cut, k=(1300, 128), o=(1300,), **ends)
    assert len(heads(model, HERE)) == joined
    agree(model, targets=[HERE])


def test_a_linear_layer_with_a_window() -> None:
    """A 3×3 convolution of 1×1 maps sees one place, but its weights have nine."""
    model = net(linear="l = Conv <pads = [1, 1, 1, 1]> (m, k, o)", k=(OUTS, 256, 3, 3))
    assert not heads(model, HERE)
    agree(model, targets=[HERE])


@pytest.mark.parametrize(("sides", "threads"), [((7, 28), 3), ((28, 7), 1), ((196,), 3)])
def test_maps_of_another_shape(sides: tuple[int, ...], threads: int) -> None:
    """Rows that each thread keeps for itself cannot be found then."""
    model = net(second=sides)
    assert heads(model, HERE)
    agree(model, targets=[HERE], threads=threads)


def test_memory_is_worth_more() -> None:
    """A product stays in its band, and sums as large as its maps are not made."""
    assert not heads(net(channels=1024, sides=(7, 7)))
    large = net(channels=1024, sides=(112, 112))
    _, schedule = planned(large)
    assert bool(heads(large)) == (not schedule.banded)


def test_several_pictures_at_once() -> None:
    agree(net(batch=2), targets=[HERE])


def test_each_group_fetches_what_comes_behind_it() -> None:
    """All weights from the second group's on, once, and in the order in which they are used."""
    program, schedule = planned(net())
    (head,) = (layer for layer in program.layers if isinstance(layer, Head))
    before, size = schedule.packed[head.name].begin, schedule.packed[head.name].size
    groups = head.rows(schedule)
    each = size // groups  # all groups are alike
    own = 4 * 16 * head.product.sizes(schedule)[0] * (INS + 1)
    firsts = [before + own + n * each for n in range(groups)]
    fetch = schedule.prefetch[head.name]
    spans = [head.fetched(fetch, n, firsts, before + size) for n in range(groups)]
    assert groups > 2
    assert all(one[1] == other[0] for one, other in pairwise(spans))
    assert spans[0][0] == max(firsts[0], fetch[0])
    assert spans[-1][1] == max(before + size, fetch[1])


def test_threads_read_rows_that_lie_apart() -> None:
    program, schedule = planned(net("residual"), threads=2)
    (head,) = (layer for layer in program.layers if isinstance(layer, Head))
    assert [schedule[buffer].parts for buffer in head.x.buffers] == [2]
    assert head.add is not None
    assert [schedule[buffer].parts for buffer in head.add.buffers] == [2]
    assert {schedule[buffer].parts for buffer in head.writes} == {1}


@pytest.mark.parametrize("kind", ["padded", "residual", "zero"])
def test_no_step_beyond_any_array(kind: str, sanitized: Callable[[onnx.ModelProto], None]) -> None:
    sanitized(net(kind))


@pytest.mark.parametrize(
    "name",
    marked(
        ("shufflenet_v2_x0_5", "mobilenet_v1_x0_5", "mobilenet_v3_small_x1_0"),
        slow=["shufflenet_v2_x0_5"],
    ),
)
def test_a_thousand_classes(name: str, tmp_path: Path) -> None:
    """Whole networks as they are published; those of the other tests have few classes."""
    model, shape = ours(name, side=None, classes=1000)
    path = tmp_path / "net.onnx"
    export_onnx(model, path, preprocess=None, shape=shape, classes=[str(n) for n in range(1000)])
    assert heads(onnx.load(path), HERE)
    assert worst(compile_onnx(path, tmp_path / "out"), model, shape) <= NETWORK_CLOSE
