"""All stages in order, and the files that they leave."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import onnx

from martlet.compiler import options
from martlet.compiler.artifacts import ENDINGS, check_ours, write
from martlet.compiler.codegen.emit import Emitted, emit
from martlet.compiler.codegen.weights import WAYS, Weights
from martlet.compiler.frontend.importer import load, read, read_model
from martlet.compiler.ir.graph import Graph, Shape
from martlet.compiler.ir.program import Program, c_name
from martlet.compiler.lowering.lower import lower
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.profile import profile
from martlet.compiler.runtime.layer_times import Profile
from martlet.compiler.runtime.network import CompiledNetwork
from martlet.compiler.schedule.barriers import plan_meetings
from martlet.compiler.schedule.classifier_head import join_heads
from martlet.compiler.schedule.memory import plan
from martlet.compiler.schedule.memory_budget import bound
from martlet.compiler.schedule.prefetch import plan_fetches
from martlet.compiler.schedule.row_fusion import LARGE, make_bands, parts
from martlet.compiler.schedule.thread_rows import keep_apart
from martlet.compiler.schedule.weight_arena import pack_weights
from martlet.compiler.targets import Target
from martlet.compiler.targets import target as target_of
from martlet.errors import MartletError, unknown
from martlet.storage.staging import staging

KEY = "martlet"  # metadata property of the ONNX files that martlet exports
MOST_THREADS = 64
MORE = 1.2  # times the bound of the workspace, up to which threads meet less often
SMALL = 1 << 12  # bytes of a tensor below which no band saves much
HEADERS = {
    *("math", "pthread", "sched", "signal", "stdatomic", "stddef", "stdint", "string", "unistd"),
    *("immintrin", "arm_neon", "wasm_simd128"),
}


def compile_onnx(
    model: str | Path,
    out: str | Path,
    *,
    name: str | None = None,
    target: str = "native",
    compiler: str | None = None,
    weights: Weights = "embedded",
    batch: int = 1,
    shapes: Mapping[str, Shape] | None = None,
    threads: int = 1,
    library: bool = True,
) -> CompiledNetwork:
    """Write the files of a compiled ONNX network into the folder `out`.

    NAME.c and NAME.h; NAME.bin, the weights, which the C compiler takes in ("embedded"), or which
    the program reads and passes ("file"), or NAME_weights.h ("text"); NAME_picture.h when the ONNX
    file says its classes and preprocessing; NAME.json; and the shared library unless
    `library=False`. All of them or, when anything fails, none.

    Raises MartletError for what is no ONNX file, an operator that is not supported, sizes that are
    open, and when there is no C compiler or it refuses.
    """
    out = options.path("out", out, "the path of a folder")
    emitted, meta = generate(model, name, target_of(target), weights, batch, shapes, threads)
    name = emitted.facts.program.name
    check_ours(out, name)
    other_options = [f"{name}{ending}" for ending in ENDINGS]
    with staging(out, old=other_options) as folder:
        write(folder, emitted, meta, compiler, library)
    return CompiledNetwork(out, name)


def profile_onnx(
    model: str | Path,
    *,
    target: str = "native",
    compiler: str | None = None,
    batch: int = 1,
    shapes: Mapping[str, Shape] | None = None,
    seconds: float = 1.0,
) -> Profile:
    """Milliseconds of each layer on this machine; nothing is left on the disk.

    Raises MartletError as `compile_onnx` does, and for a target that does not run here.
    """
    chosen = target_of(target)
    if not chosen.is_here:
        raise MartletError(f"target={target!r} does not run here; its layers cannot be timed.")
    emitted, _ = generate(model, None, chosen, "embedded", batch, shapes)
    return profile(emitted, compiler, seconds)


def generate(
    model: str | Path,
    name: str | None,
    target: Target,
    weights: Weights,
    batch: int,
    shapes: Mapping[str, Shape] | None,
    threads: int = 1,
) -> tuple[Emitted, dict[str, Any]]:
    """All text, and nothing written; and what martlet's exporter wrote into the file."""
    path = options.path("model", model, "the path of an ONNX file")
    name = options.text("name", name, "a name for files and C functions")
    if weights not in WAYS:
        raise unknown("weights", weights, WAYS)
    batch = options.whole("batch", batch)
    threads = options.whole("threads", threads, MOST_THREADS)
    if threads > 1 and target.system in ("wasi", "windows"):
        raise MartletError(
            f"threads={threads} is not accepted for target={target.name!r}, "
            "which has no POSIX threads; give 1."
        )
    loaded = load(path)
    constants = {tensor.name for tensor in loaded.graph.initializer}
    inputs = [value.name for value in loaded.graph.input if value.name not in constants]
    given = options.fit_shapes(shapes or {}, inputs)
    graph = read_model(loaded, name=path.stem, batch=batch, shapes=given)
    program = program_of(graph, target, threads)
    program.name = c_name(program.name if name is None else name)
    if program.name in HEADERS:  # its own header would hide the system's
        program.name += "_net"
    emitted = emit(program, target, weights=weights, made_from=path.name, nodes=program.nodes)
    return emitted, _meta(loaded)


def make_program(
    model: Path,
    target: Target,
    batch: int = 1,
    shapes: Mapping[str, Shape] | None = None,
    threads: int = 1,
) -> Program:
    """Everything before the C text."""
    return program_of(read(model, batch, shapes), target, threads)


def program_of(graph: Graph, target: Target, threads: int = 1) -> Program:
    """A graph's layers, when they run and where everything lies."""
    nodes = len(graph.nodes)
    program = lower(simplify(graph), target)
    program.nodes, program.threads = nodes, threads
    _fuse(program, bound(graph, target.lanes), target)
    several = [band for band in program.bands if len(band) > 1]
    program.turns = {band.start: parts(program, band) for band in several}
    program.weights = pack_weights(program)
    if target.cache:
        plan_fetches(program, target.cache)
    return program


def _fuse(program: Program, most: int, target: Target) -> None:
    """Bands, heads, threads' rows and barriers, in a workspace of `most` floats where it may be."""
    make_bands(program)
    large = _save(program, most)
    layers, buffers = program.layers, [*program.buffers]
    if join_heads(program, target.cache):
        make_bands(program, large)
        if plan(program) > most:  # then memory is worth more
            program.layers, program.buffers = layers, buffers
            make_bands(program, large)
            plan(program)
    if program.threads == 1:
        return
    for layer in program.layers:
        layer.parts = program.threads
    keep_apart(program)
    plan_meetings(program)
    if plan(program) > MORE * most:  # then memory is worth more
        program.stretches = list(program.bands)
        plan(program)


def _save(program: Program, most: int) -> int:
    """Put more layers into bands while the workspace has more floats than it may, if that helps.

    Returns from how many bytes of a tensor on they are in bands now.
    """
    large, best, floats = LARGE, LARGE, plan(program)
    least = floats
    while floats > most and large > SMALL:
        large //= 2
        make_bands(program, large)
        floats = plan(program)
        if floats < least:
            best, least = large, floats
    if large != best:
        make_bands(program, best)
        plan(program)
    return best


def _meta(model: onnx.ModelProto) -> dict[str, Any]:
    """What martlet's exporter wrote into the file, or nothing."""
    text = next((item.value for item in model.metadata_props if item.key == KEY), "{}")
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
