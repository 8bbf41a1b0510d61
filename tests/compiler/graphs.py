"""Small networks in ONNX's own text, and the one comparison of what they compute."""

import ctypes
from collections.abc import Callable, Container, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import numpy_helper

from martlet.compiler.artifacts import load_once
from martlet.compiler.codegen.emit import emit
from martlet.compiler.frontend.importer import load, read_model
from martlet.compiler.ir.graph import Graph
from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import Schedule
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.pipeline import program_of
from martlet.compiler.targets import TARGETS, native
from martlet.compiler.targets import target as target_of

Array = NDArray[np.float32]
Pair = tuple[Array, Array]  # what the fixture `pair` gives
RunC = Callable[..., Array]  # the fixture `program`
Works = Callable[[list[str]], None]  # the fixture `works`


def runs_here(name: str) -> bool:
    """Whether this machine has the target's vectors."""
    chosen = target_of(name)
    return chosen.is_here and chosen.lanes <= native().lanes


Shape = Sequence[int | str]
FLOAT = onnx.TensorProto.FLOAT
CLOSE = 1e-5  # of the output's scale
# Of the targets whose cache is a fixed number, not this machine's, the first that runs here.
HERE = next((name for name in TARGETS if runs_here(name)), "native")
# What runs once need not be fast, but no text may make the C compiler warn.
ONCE = ("-O1", "-Werror")


def planned(
    model: onnx.ModelProto | Path, target: str = "x86-64-v4", threads: int = 1, batch: int = 1
) -> tuple[Program, Schedule]:
    """Everything before the C text."""
    model = load(model) if isinstance(model, Path) else model
    return program_of(read_model(model, batch=batch), target_of(target), threads)


def simplified(model: onnx.ModelProto | Path) -> Graph:
    """The graph that is lowered."""
    return simplify(read_model(load(model) if isinstance(model, Path) else model))


def operators(model: onnx.ModelProto) -> list[str]:
    """Of the simplified graph."""
    return [node.op for node in simplified(model).nodes]


def random(seed: int, *shape: int) -> Array:
    """Normal random numbers."""
    return np.random.default_rng(seed).standard_normal(shape, np.float32)


def graph(
    nodes: str,
    inputs: Shape | Mapping[str, Shape],
    outputs: str = "y",
    opset: int = 17,
    **constants: Any,
) -> onnx.ModelProto:
    """A model of `nodes` in ONNX's text, each called as its first output.

    Inputs and outputs are float32 unless their name says otherwise ("at:int64"); one input alone
    is called "x". A constant is an array, a list of whole numbers, a number, or a tuple: the shape
    of weights, so drawn that sums stay near 1.
    """
    inputs = inputs if isinstance(inputs, Mapping) else {"x": inputs}
    given = (
        f"{kind or 'float'}[{','.join(map(str, s))}] {n}" if s else f"{kind or 'float'} {n}"
        for (n, _, kind), s in ((name.partition(":"), s) for name, s in inputs.items())
    )  # fmt: skip
    split = (name.partition(":") for name in outputs.split())
    made = (f"{kind or 'float'}[] {name}" for name, _, kind in split)
    model = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : {opset}]> '
        f"network ({', '.join(given)}) => ({', '.join(made)}) {{ {nodes} }}"
    )
    for node in model.graph.node:
        node.name = node.output[0]
    for seed, (name, value) in enumerate(constants.items(), 1):
        if isinstance(value, tuple):
            value = random(seed, *value) / np.float32(np.prod(value[1:])) ** 0.5
        elif isinstance(value, float):
            value = np.float32(value)
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.asarray(value), name))
    return model


def save(model: onnx.ModelProto, folder: Path, name: str = "net") -> Path:
    """Write the model as NAME.onnx into the folder."""
    path = folder / f"{name}.onnx"
    onnx.save(model, path)
    return path


def error(found: Array, expected: Array) -> float:
    """The largest difference, as a share of the largest value; infinite when shapes differ.

    `found` may be flat.
    """
    if found.shape not in (expected.shape, (expected.size,)):
        return np.inf
    found = found.reshape(expected.shape)
    finite = np.isfinite(expected)
    if not np.array_equal(found[~finite], expected[~finite], equal_nan=True):
        return np.inf
    off = np.abs(found[finite].astype(np.float64) - expected[finite]).max(initial=0)
    return float(off / max(np.abs(expected[finite]).max(initial=0), 1e-30))


def close(found: object, expected: object, limit: float = CLOSE) -> None:
    """Assert that no value of one output, or of several, is off by more than the limit."""
    several = isinstance(expected, list | tuple)
    for one, other in zip(found, expected, strict=True) if several else [(found, expected)]:
        assert error(one, other) <= limit


def by_onnx_runtime(model: onnx.ModelProto | Path, *inputs: Array) -> list[Array]:
    """All outputs."""
    given = str(model) if isinstance(model, Path) else model.SerializeToString()
    session = onnxruntime.InferenceSession(given)
    names = [value.name for value in session.get_inputs()]
    return session.run(None, dict(zip(names, inputs, strict=True)))


def run(
    model: onnx.ModelProto,
    inputs: Mapping[str, NDArray[Any]],
    target: str = "native",
    threads: int = 1,
    constants: Container[str] = (),
) -> list[Array]:
    """Compile the model for these inputs and run it once: all outputs.

    Those of `constants` (a shape, axes) are known beforehand.
    """
    chosen = target_of(target)
    if not runs_here(target):
        pytest.skip(f"this machine does not run {target}")
    values = {name: x for name, x in inputs.items() if name in constants}
    arrays = {name: np.ascontiguousarray(x) for name, x in inputs.items() if name not in values}
    shapes = {name: x.shape for name, x in inputs.items() if name not in values}
    known = onnx.ModelProto()
    known.CopyFrom(model)
    known.graph.initializer.extend(numpy_helper.from_array(x, name) for name, x in values.items())
    graph = read_model(known, shapes=shapes)
    program, schedule = program_of(graph, chosen, threads)
    emitted = emit(program, schedule, chosen)
    more = ("-pthread",) if threads > 1 else ()
    library = load_once(emitted, emitted.source, None, (*ONCE, *more))
    outputs = [np.empty(program.shape(maps), maps.dtype) for _, maps in program.outputs]
    # No number is in the workspace before: what is read without having been written shows.
    workspace = np.full(emitted.facts.workspace_bytes, 255, np.uint8)
    places = (a.ctypes.data for a in (*arrays.values(), *outputs, workspace))
    getattr(library, f"{program.name}_run")(*map(ctypes.c_void_p, places))
    return outputs


def agree(
    model: onnx.ModelProto,
    *inputs: Array,
    targets: Sequence[str] = ("native",),
    threads: int | Sequence[int] = 1,
    limit: float = CLOSE,
) -> None:
    """Assert that the compiled model gives what ONNX Runtime gives, for random inputs if none.

    Several numbers of threads give the same bits.
    """
    values = model.graph.input
    assert inputs or all(v.type.tensor_type.elem_type == FLOAT for v in values)
    if not inputs:
        sides = ([dim.dim_value or 1 for dim in v.type.tensor_type.shape.dim] for v in values)
        inputs = tuple(random(seed, *shape) for seed, shape in enumerate(sides))
    given = dict(zip((value.name for value in values), inputs, strict=True))
    expected = by_onnx_runtime(model, *inputs)
    for target in targets:
        numbers = [threads] if isinstance(threads, int) else threads
        first, *others = (run(model, given, target, number) for number in numbers)
        close(first, expected, limit)
        for other in others:
            assert all(map(np.array_equal, first, other))


def shuffle_unit() -> onnx.ModelProto:
    """Convolution, batch normalisation, shuffle, split, pool, fully connected: 1×4×8×8 to 1×3."""
    nodes = """
        conv = Conv <pads = [1, 1, 1, 1]> (x, w, b)
        norm = BatchNormalization (conv, g, s, m, v)
        relu = Relu (norm)
        shape = Shape (relu)
        batch = Slice (shape, zero, one)
        five = Concat <axis = 0> (batch, grouped)
        a = Reshape (relu, five)
        t = Transpose <perm = [0, 2, 1, 3, 4]> (a)
        d = Reshape (t, four)
        left, right = Split <axis = 1> (d)
        sum = Add (left, right)
        p = GlobalAveragePool (sum)
        f = Flatten (p)
        y = Gemm <transB = 1> (f, k, q)"""
    return graph(
        nodes, ("batch", 4, 8, 8), w=(8, 4, 3, 3), b=(8,), g=(8,), s=(8,), m=(8,),
        v=np.abs(random(6, 8)), zero=[0], one=[1], grouped=[2, 4, 8, 8], four=[-1, 8, 8, 8],
        k=(3, 4), q=(3,),
    )  # fmt: skip


def rearranged() -> onnx.ModelProto:
    """Operators that take axes, sizes and indices: 2×3×4."""
    nodes = """
        p = Pad <mode = "reflect"> (x, pads)
        u = Unsqueeze (p, axes)
        t = Tile (u, repeats)
        g = Gather <axis = 2> (t, indices)
        m = ReduceMax <axes = [-1], keepdims = 0> (g)
        s = Softmax <axis = 1> (m)
        y = Pow (s, two)"""
    values = {"pads": [0, 0, 1, 0, 0, 2], "axes": [1], "repeats": [1, 2, 1, 1]}
    return graph(nodes, (2, 3, 4), **values, indices=[2, 0, -1], two=2.0)


def choosing() -> onnx.ModelProto:
    """Operators that choose, read where another tensor says, and repeat; their results as one row:
    1×3×8×9 to a row."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, w)
        best = ArgMax <axis = 1, keepdims = 0> (a)
        best_row = Slice (best, zero, one_more, rows)
        one = Gather <axis = 1> (a, best_row)
        top, places = TopK <axis = 1> (a, k)
        each = GatherElements <axis = 1> (a, places)
        slices = GatherND (top, places_of)
        grid = Tanh (g)
        sampled = GridSample (a, grid)
        cubic = GridSample <mode = "bicubic", padding_mode = "reflection"> (a, grid)
        product = Einsum <equation = "nchw,ncvw->nhv"> (a, a)
        series = Reshape (a, by_time)
        h, last, cells = LSTM <direction = "bidirectional", hidden_size = 5> (series, lw, lr)
        u = GRU <hidden_size = 7> (series, gw, gr)
        bytes = QuantizeLinear (u, scale, middle)
        floats = DequantizeLinear (bytes, scale, middle)"""
    found = ("one", "top", "each", "slices", "sampled", "cubic", "product", "h", "cells", "floats")
    nodes += "".join(f"\n{name}_row = Reshape ({name}, row)" for name in found)
    nodes += f"\ny = Concat <axis = 0> ({', '.join(f'{name}_row' for name in found)})"
    return graph(
        nodes, (1, 3, 8, 9), opset=16, w=(20, 3, 3, 3), zero=[0], one_more=[1], rows=[1], k=[3],
        places_of=[[0, 1, 2, 3], [0, -1, 7, 8]], g=random(3, 1, 5, 6, 2), by_time=[9, 8, 20],
        lw=(2, 20, 20), lr=(2, 20, 5), gw=(1, 21, 20), gr=(1, 21, 7), row=[-1],
        scale=np.float32(0.01), middle=np.array(128, np.uint8),
    )  # fmt: skip
