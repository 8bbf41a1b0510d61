"""All stages in order, and the files that they leave."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import onnx

from martlet.arguments import checked
from martlet.compiler import options
from martlet.compiler.artifacts import ENDINGS, check_ours, write
from martlet.compiler.codegen.emit import Emitted, emit
from martlet.compiler.codegen.weights import WAYS, Weights
from martlet.compiler.frontend.importer import load, read_model
from martlet.compiler.ir.graph import Graph, Shape
from martlet.compiler.ir.program import Program, c_name
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, Schedule
from martlet.compiler.ir.series import series_of
from martlet.compiler.lowering.context import Kernels
from martlet.compiler.lowering.kernel_table import BY_TAPS, KERNELS
from martlet.compiler.lowering.lower import lower
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.passes.split_batch import split_batch
from martlet.compiler.profile import profile
from martlet.compiler.room import check_fits, outside_bytes
from martlet.compiler.runtime.layer_times import Profile
from martlet.compiler.runtime.network import CompiledNetwork
from martlet.compiler.schedule.barriers import eliminate_barriers
from martlet.compiler.schedule.classifier_head import join_heads
from martlet.compiler.schedule.kept_rows import keep_rows
from martlet.compiler.schedule.memory import plan_memory
from martlet.compiler.schedule.memory_budget import bound
from martlet.compiler.schedule.prefetch import plan_prefetch
from martlet.compiler.schedule.row_fusion import FUSED_BYTES, fuse_rows
from martlet.compiler.schedule.thread_rows import separate_thread_rows
from martlet.compiler.schedule.weight_arena import pack_weights
from martlet.compiler.targets import Target
from martlet.compiler.targets import target as target_of
from martlet.errors import MartletError, unknown
from martlet.storage.staging import staging

METADATA_KEY = "martlet"  # metadata property of the ONNX files that martlet exports
MOST_THREADS = 64
BARRIERS_BUDGET = 1.2  # times the budget of the workspace, up to which barriers are eliminated
TILES_BUDGET = 2  # times the budget, up to which convolutions may need memory for their tiles
FAST_BYTES = 1 << 20  # bytes of a workspace up to which they may in any case
LEAST_FUSED_BYTES = 1 << 12  # bytes of a tensor below which no band saves much
HEADERS = {  # of C, of the systems and of the processors
    *("assert", "complex", "ctype", "errno", "fenv", "float", "inttypes", "iso646", "limits"),
    *("locale", "math", "setjmp", "signal", "stdalign", "stdarg", "stdatomic", "stdbool", "stddef"),
    *("stdint", "stdio", "stdlib", "stdnoreturn", "string", "tgmath", "threads", "time", "uchar"),
    *("wchar", "wctype", "features", "pthread", "sched", "unistd"),
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
    stream: int | None = None,
    max_ram: int | None = None,
    max_flash: int | None = None,
    library: bool = True,
    check: Callable[[Path], None] | None = None,
) -> CompiledNetwork:
    """Write the files of a compiled ONNX network into the folder `out`.

    NAME.c and NAME.h; NAME.bin, the weights, which the C compiler takes in ("embedded"), or which
    the program reads and passes ("file"), or NAME_weights.h ("text"); NAME_picture.h, of recordings
    NAME_samples.h, when the ONNX file says its classes and preprocessing; NAME_unknown.h, when it
    says a threshold of unknown samples; NAME_boxes.h of a detector's answers; NAME.json; and the
    shared library unless `library=False`. All of them or, when anything fails, none; `check` is
    called with the folder where they lie
    before, and may raise too. `max_ram` bytes hold the workspace, inputs and outputs, `max_flash`
    bytes the weights: up to `max_ram` memory is worth more than speed, and a network that does not
    fit is refused. With `stream` samples from one window of a recording to the next,
    there is NAME_push as well.

    Raises MartletError for what is no ONNX file, an operator that is not supported, sizes that are
    open, and when there is no C compiler or it refuses.
    """
    place: Path = checked("out", out, Path)
    emitted, meta = generate(
        model, name, target_of(target), weights, batch, shapes, threads, stream, max_ram, max_flash
    )
    name = emitted.facts.program.name
    check_ours(place, name)
    other_options = [f"{name}{ending}" for ending in ENDINGS]
    with staging(place, old=other_options) as folder:
        write(folder, emitted, meta, compiler, library)
        if check is not None:
            check(folder)
    return CompiledNetwork(place, name)


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
    stream: int | None = None,
    max_ram: int | None = None,
    max_flash: int | None = None,
) -> tuple[Emitted, dict[str, Any]]:
    """All text, and nothing written; and what martlet's exporter wrote into the file."""
    path = checked("model", model, Path)
    name = options.text("name", name)
    if weights not in WAYS:
        raise unknown("weights", weights, WAYS)
    batch = options.whole("batch", batch)
    threads = options.whole("threads", threads, MOST_THREADS)
    if threads > 1 and target.system in ("wasi", "windows"):
        raise MartletError(
            f"threads={threads} is not accepted for target={target.name!r}, "
            "which has no POSIX threads; give 1."
        )
    stream = None if stream is None else options.whole("stream", stream, options.MOST_STRIDE)
    if stream is not None and (batch, threads) != (1, 1):
        raise MartletError(
            f"stream={stream} is for one window at a time on one thread; leave out batch={batch} "
            f"and threads={threads}."
        )
    loaded = load(path)
    constants = {tensor.name for tensor in loaded.graph.initializer}
    inputs = [value.name for value in loaded.graph.input if value.name not in constants]
    given = options.fit_shapes(shapes or {}, inputs)
    graph = read_model(loaded, name=path.stem, batch=batch, shapes=given)
    ram, flash = (
        None if given is None else options.whole(word, given)
        for word, given in (("max_ram", max_ram), ("max_flash", max_flash))
    )
    program, schedule = program_of(graph, target, threads, stream, ram)
    program.name = c_name(program.name if name is None else name)
    if program.name in HEADERS:  # its own header would hide the system's
        program.name += "_net"
    emitted = emit(program, schedule, target, weights=weights, made_from=path.name)
    check_fits(emitted.facts, ram, flash)
    return emitted, _meta(loaded)


def program_of(
    graph: Graph,
    target: Target,
    threads: int = 1,
    stream: int | None = None,
    ram: int | None = None,
) -> tuple[Program, Schedule]:
    """A graph's layers, and how they run; `stream`: samples from one pushed window to the next.

    `ram` are the bytes that there are for the workspace and the caller's arrays. Convolutions go by
    taps where their tiles would take too much memory.
    """
    series = None if stream is None else series_of(graph)
    nodes, pictures = len(graph.nodes), split_batch(graph)
    graph = simplify(graph)

    def lowered(table: Sequence[Kernels]) -> Program:
        made = lower(graph, target, table)
        made.nodes, made.pictures, made.series = nodes, pictures, series
        return made

    if series is None or stream is None:
        program = lowered(KERNELS)
        budget = bound(graph, target.lanes)
        if ram is not None:
            budget = min(budget, max(0, ram - outside_bytes(program) - CACHE_LINE_BYTES))
        program, schedule = _in_budget(program, target, threads, budget)
        most = budget if ram is not None else max(TILES_BUDGET * budget, FAST_BYTES)
        if schedule.workspace_bytes > most:
            plain = _in_budget(lowered(BY_TAPS), target, threads, budget)
            smaller = plain[1].workspace_bytes < schedule.workspace_bytes
            program, schedule = plain if smaller else (program, schedule)
    else:
        program = lowered(BY_TAPS)
        alone = Schedule(bands=tuple(range(n, n + 1) for n in range(len(program.layers))))
        schedule = plan_memory(program, keep_rows(program, alone, series, stream))
    schedule = pack_weights(program, schedule)
    if target.cache:
        schedule = plan_prefetch(program, schedule, target.cache)
    return program, schedule


def _in_budget(
    program: Program, target: Target, threads: int, budget: int
) -> tuple[Program, Schedule]:
    """Rows fused, heads joined, threads' rows apart, barriers gone, and a place for every buffer.

    Where the workspace would have more than `budget` bytes, memory is worth more than speed.
    """
    schedule, large = _fuse(program, threads, budget)
    joined = join_heads(program, schedule, target.cache)
    if joined is not program:
        with_heads = plan_memory(joined, fuse_rows(joined, threads, large))
        if with_heads.workspace_bytes <= budget:
            program, schedule = joined, with_heads
    if threads == 1:
        return program, schedule
    apart = separate_thread_rows(program, schedule)
    schedule = plan_memory(program, eliminate_barriers(program, apart))
    if schedule.workspace_bytes > BARRIERS_BUDGET * budget:
        schedule = plan_memory(program, replace(apart, regions=apart.bands))
    return program, schedule


def _fuse(program: Program, threads: int, budget: int) -> tuple[Schedule, int]:
    """Rows fused of more layers while the workspace is over its budget, if that helps.

    Returns with it from how many bytes of a tensor on.
    """
    best = tried = plan_memory(program, fuse_rows(program, threads))
    large = chosen = FUSED_BYTES
    while tried.workspace_bytes > budget and large > LEAST_FUSED_BYTES:
        large //= 2
        fused = fuse_rows(program, threads, large)
        if fused.bands == tried.bands:
            continue
        tried = plan_memory(program, fused)
        if tried.workspace_bytes < best.workspace_bytes:
            best, chosen = tried, large
    return best, chosen


def _meta(model: onnx.ModelProto) -> dict[str, Any]:
    """What martlet's exporter wrote into the file, or nothing."""
    text = next((item.value for item in model.metadata_props if item.key == METADATA_KEY), "{}")
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
