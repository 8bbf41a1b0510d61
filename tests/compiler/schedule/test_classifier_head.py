"""The end of a network as one layer: a product, means, and a large linear layer of them."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import helper
from tests.compiler.exported import CLOSE, by_onnx_runtime, ours, worst
from tests.compiler.networks import network, random

from martlet.compiler import compile_onnx
from martlet.compiler.codegen.emit import emit
from martlet.compiler.ir.program import Layer
from martlet.compiler.kernels.classifier_head import Head, Total
from martlet.compiler.pipeline import make_program
from martlet.compiler.targets import target
from martlet.exporting import export_onnx

Array = NDArray[np.float32]
Close = Callable[[Array, Array], None]
SIDE, INS, OUTS = 14, 96, 1000  # 1,000 outputs of 256 means: half of most second caches
KINDS = ("plain", "padded", "grouped", "residual", "shuffled", "gated", "two outputs", "zero")


class Net:
    """Convolution, mean and linear layer, with more around them."""

    def __init__(self, kind: str, channels: int = 256, outs: int = OUTS) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.values: dict[str, NDArray[Any]] = {}
        self.outputs: dict[str, Any] = {"y": (1, outs)}
        channels -= 7 if kind == "padded" else 0
        x = self.add("Conv", "x", self.number(INS, 3, 1, 1))
        x = self.add("Relu", x)
        if kind == "gated":
            gate = self.add("GlobalAveragePool", x)
            x = self.add("Mul", x, self.add("HardSigmoid", gate))
        if kind == "residual":
            x = self.add("Relu", self.add("Conv", x, self.number(channels, INS, 1, 1)))
        groups = 2 if kind == "grouped" else 1
        ins = channels if kind == "residual" else INS
        w = self.number(channels, ins // groups, 1, 1)
        y = self.add("Conv", x, w, self.number(channels), group=groups)
        y = self.add("Add", y, x) if kind == "residual" else y
        y = self.add("Relu", y)
        if kind == "shuffled":
            for shape in ((1, 4, channels // 4, SIDE, SIDE), (1, channels, SIDE, SIDE)):
                if len(shape) == 4:
                    y = self.add("Transpose", y, perm=[0, 2, 1, 3, 4])
                y = self.add("Reshape", y, self.constant(np.array(shape)))
        y = self.add("Flatten", self.add("GlobalAveragePool", y))
        if kind == "two outputs":
            self.nodes[-1].output[0] = y = "means"
            self.outputs["means"] = (1, channels)
        scale = 0.0 if kind == "zero" else 1.0
        k, b = self.number(outs, channels), self.number(outs)
        self.values[k] *= scale
        self.add("Relu", self.add("Gemm", y, k, b, transB=1))
        self.nodes[-1].output[0] = "y"

    def number(self, *shape: int) -> str:
        return self.constant(random(len(self.values), *shape) / np.float32(shape[-1] ** 0.5))

    def constant(self, values: NDArray[Any]) -> str:
        self.values[f"c{len(self.values)}"] = values
        return f"c{len(self.values) - 1}"

    def add(self, op: str, *inputs: str, **more: Any) -> str:
        made = f"t{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [made], name=made, **more))
        return made

    def save(self, path: Path, batch: int = 1) -> Path:
        inputs = {"x": (batch, 3, SIDE, SIDE)}
        onnx.save(network(self.nodes, inputs, self.outputs, self.values), path)
        return path


def layers(path: Path, name: str = "x86-64-v4", threads: int = 1) -> list[Layer]:
    return make_program(path, target(name), threads=threads)[0].layers


def joined(path: Path, name: str = "x86-64-v4") -> int:
    return sum(isinstance(layer, Head) for layer in layers(path, name))


def pictures(count: int = 1) -> Array:
    return random(9, count, 3, SIDE, SIDE)


@pytest.mark.parametrize(
    ("kind", "threads"), [*((kind, 2) for kind in KINDS), ("plain", 1), ("residual", 3)]
)
def test_the_numbers(kind: str, threads: int, tmp_path: Path, close: Close) -> None:
    path, x = Net(kind).save(tmp_path / "net.onnx"), pictures()
    made = layers(path, "native", threads)
    assert [type(layer) for layer in made if isinstance(layer, (Head, Total))] == [Head, Total]
    found = compile_onnx(path, tmp_path / "out", threads=threads)(x)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x})
    found = found if isinstance(found, tuple) else (found,)
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        close(one, other)


@pytest.mark.parametrize("kind", ["padded", "residual"])
def test_any_number_of_threads_gives_the_same_bits(kind: str, tmp_path: Path) -> None:
    path, x = Net(kind).save(tmp_path / "net.onnx"), pictures()
    found = [compile_onnx(path, tmp_path / f"out{n}", threads=n)(x) for n in (1, 2, 5)]
    assert np.array_equal(found[0], found[1])
    assert np.array_equal(found[0], found[2])


@pytest.mark.parametrize("name", ["x86-64-v3", "aarch64", "portable"])
def test_other_vectors(name: str, tmp_path: Path) -> None:
    """Where a core's second cache is not known, nothing is fetched, and nothing is joined."""
    path = Net("padded", outs=300).save(tmp_path / "net.onnx")
    assert joined(path, name) == (name != "portable")


def test_avx2_gives_the_same(tmp_path: Path, close: Close) -> None:
    if not target("x86-64-v3").is_here:
        pytest.skip("this machine does not run x86-64-v3")
    path, x = Net("shuffled").save(tmp_path / "net.onnx"), pictures()
    found = compile_onnx(path, tmp_path / "out", target="x86-64-v3")(x)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    close(np.asarray(found), expected)


def test_small_linear_layers_stay_what_they_are(tmp_path: Path) -> None:
    """Their weights wait in the cache."""
    assert joined(Net("plain", outs=OUTS).save(tmp_path / "a.onnx")) == 1
    assert joined(Net("plain", outs=200).save(tmp_path / "b.onnx")) == 0


def test_where_the_product_is_short_nothing_is_gained(tmp_path: Path) -> None:
    """8,000 outputs: 8 MB, which 4.8 million multiplications do not give the time for."""
    assert joined(Net("plain", outs=8000).save(tmp_path / "net.onnx")) == 0


@pytest.mark.parametrize(("step", "heads"), [(1, 1), (2, 0)])
def test_a_part_of_the_means(step: int, heads: int, tmp_path: Path, close: Close) -> None:
    """The first half is fine; between every other one are lanes that may hold anything."""
    net = Net("two outputs")
    gemm = next(n for n in net.nodes if n.op_type == "Gemm")
    ends = [net.constant(np.array([v])) for v in (0, 128 * step, 1, step)]
    cut = helper.make_node("Slice", ["means", *ends], ["some"], name="cut")
    net.nodes.insert(net.nodes.index(gemm), cut)
    net.values[gemm.input[1]] = random(5, 1300, 128) / 11
    net.values[gemm.input[2]] = random(6, 1300)
    net.outputs["y"], gemm.input[0] = (1, 1300), "some"
    path, x = net.save(tmp_path / "net.onnx"), pictures()
    assert joined(path, "native") == heads
    found = compile_onnx(path, tmp_path / "out")(x)
    expected = onnxruntime.InferenceSession(path).run(None, {"x": x})
    for one, other in zip(found, expected, strict=True):
        close(one, other)


def test_a_linear_layer_with_a_window(tmp_path: Path, close: Close) -> None:
    """A 3×3 convolution of 1×1 maps sees one place, but its weights have nine."""
    net = Net("plain")
    gemm = next(n for n in net.nodes if n.op_type == "Gemm")
    number = net.nodes.index(gemm)
    net.values[gemm.input[1]] = random(7, OUTS, 256, 3, 3) / 16
    mean = net.nodes[number - 2]
    inputs = [mean.output[0], *gemm.input[1:]]
    net.nodes[number] = helper.make_node("Conv", inputs, gemm.output, pads=[1, 1, 1, 1])
    del net.nodes[number - 1]  # the Flatten
    net.outputs["y"] = (1, OUTS, 1, 1)
    path, x = net.save(tmp_path / "net.onnx"), pictures()
    assert joined(path, "native") == 0
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    close(np.asarray(compile_onnx(path, tmp_path / "out")(x)), expected)


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("sides", [(7, 28), (28, 7), (196,)])
def test_maps_of_another_shape(
    sides: tuple[int, ...], threads: int, tmp_path: Path, close: Close
) -> None:
    """Rows that each thread keeps for itself cannot be found then."""
    net = Net("plain")
    second = [n for n in net.nodes if n.op_type == "Conv"][1]
    shape = net.constant(np.array([1, INS, *sides]))
    before = helper.make_node("Reshape", [second.input[0], shape], ["reshaped"], name="reshape")
    second.input[0] = "reshaped"
    net.nodes.insert(net.nodes.index(second), before)
    kernel = net.values[second.input[1]]
    net.values[second.input[1]] = kernel.reshape(*kernel.shape[:2], *[1] * len(sides))
    path, x = net.save(tmp_path / "net.onnx"), pictures()
    assert joined(path, "native") == 1
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    close(np.asarray(compile_onnx(path, tmp_path / "out", threads=threads)(x)), expected)


def test_memory_is_worth_more(tmp_path: Path) -> None:
    """A product stays in its band, and sums as large as its maps are not made."""
    net = Net("plain", channels=1024)
    x = {"x": (1, 3, 7, 7)}
    onnx.save(network(net.nodes, x, net.outputs, net.values), tmp_path / "small.onnx")
    assert joined(tmp_path / "small.onnx") == 0
    x = {"x": (1, 3, 112, 112)}
    onnx.save(network(net.nodes, x, net.outputs, net.values), tmp_path / "large.onnx")
    _, schedule = make_program(tmp_path / "large.onnx", target("x86-64-v4"))
    assert joined(tmp_path / "large.onnx") == (not schedule.banded)


def test_several_pictures_at_once(tmp_path: Path, close: Close) -> None:
    net = Net("plain")
    net.outputs["y"] = ("n", OUTS)
    inputs = {"x": ("n", 3, SIDE, SIDE)}
    path, x = tmp_path / "net.onnx", pictures(2)
    onnx.save(network(net.nodes, inputs, net.outputs, net.values), path)
    found = compile_onnx(path, tmp_path / "out", batch=2)(x)
    (expected,) = onnxruntime.InferenceSession(path).run(None, {"x": x})
    close(np.asarray(found), expected)


def test_each_group_fetches_what_comes_behind_it(tmp_path: Path) -> None:
    """All weights from the second group's on, once, and in the order in which they are used."""
    chosen = target("x86-64-v4")
    program, schedule = make_program(Net("plain").save(tmp_path / "net.onnx"), chosen)
    facts = emit(program, schedule, chosen).facts
    (head,) = (layer for layer in program.layers if isinstance(layer, Head))
    before = sum(facts.layer_weight_bytes[: program.layers.index(head)])
    size = facts.layer_weight_bytes[program.layers.index(head)]
    groups = head.rows(schedule)
    each = size // groups  # all groups are alike
    own = 4 * 16 * head.product.sizes(schedule)[0] * (INS + 1)
    firsts = [(before + own + n * each) // 4 for n in range(groups)]
    fetch = schedule.prefetch[head.name]
    spans = [head.fetched(fetch, n, firsts, before + size) for n in range(groups)]
    assert groups > 2
    assert all(one[1] == other[0] for one, other in pairwise(spans))
    assert spans[0][0] == max(4 * firsts[0], fetch[0])
    assert spans[-1][1] == max(before + size, fetch[1])


def test_threads_read_rows_that_lie_apart(tmp_path: Path) -> None:
    path = Net("residual").save(tmp_path / "net.onnx")
    program, schedule = make_program(path, target("x86-64-v4"), threads=2)
    (head,) = (layer for layer in program.layers if isinstance(layer, Head))
    assert [schedule[buffer].parts for buffer in head.x.buffers] == [2]
    assert head.add is not None
    assert [schedule[buffer].parts for buffer in head.add.buffers] == [2]
    assert {schedule[buffer].parts for buffer in head.writes} == {1}


@pytest.mark.parametrize("kind", ["padded", "residual", "zero"])
def test_no_step_beyond_any_array(
    kind: str, tmp_path: Path, sanitized: Callable[[Path, Array], Array], close: Close
) -> None:
    path, x = Net(kind).save(tmp_path / "tiny.onnx"), pictures()
    close(sanitized(path, x), by_onnx_runtime(path, x))


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["shufflenet_v2_x0_5", "mobilenet_v1_x0_5", "mobilenet_v3_small_x1_0"]
)
def test_a_thousand_classes(name: str, tmp_path: Path) -> None:
    """Whole networks as they are published; those of the other tests have few classes."""
    model, shape = ours(name, side=None, classes=1000)
    path = tmp_path / "net.onnx"
    export_onnx(model, path, preprocess=None, shape=shape, classes=[str(n) for n in range(1000)])
    assert joined(path, "native") == 1
    assert worst(compile_onnx(path, tmp_path / "out"), path, shape) <= CLOSE
