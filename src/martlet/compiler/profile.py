"""Where the time of a compiled network goes, layer by layer."""

import ctypes
import time
from math import prod

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.artifacts import load_once
from martlet.compiler.codegen.emit import Emitted
from martlet.compiler.codegen.header import Facts
from martlet.compiler.ir.program import Layer
from martlet.compiler.runtime.layer_times import LayerTime, Profile

LEAST_RUNS, MOST_RUNS = 5, 1000


def profile(emitted: Emitted, compiler: str | None, seconds: float) -> Profile:
    """Build the timed variant, run it for about `seconds` on random numbers, and throw it away.

    The peak is measured right behind each run: a processor lowers its clock under such work, and
    a peak from a cooler moment would be one that these runs cannot reach.
    """
    facts = emitted.facts
    program, target = facts.program, facts.target
    name = program.name
    library = load_once(emitted, emitted.profile, compiler)
    spent, peak = _run(library, facts, seconds)
    each = 1e3 * np.median(spent, axis=0)
    timed = zip(program.layers, each, strict=True)
    layers = [_row(layer, facts, float(ms), peak) for layer, ms in timed]
    total = 1e3 * float(np.median(spent.sum(axis=1)))
    return Profile(name, target.name, layers, total, peak, len(spent))


def _run(library: ctypes.CDLL, facts: Facts, seconds: float) -> tuple[NDArray[np.float64], float]:
    """Seconds of every layer in every run, (runs, layers), and the peak in GFLOP/s."""
    program = facts.program
    random = np.random.default_rng(0)
    shapes = [program.shape(maps) for _, maps in (*program.inputs, *program.outputs)]
    arrays = [random.standard_normal(shape, np.float32) for shape in shapes]
    workspace = np.empty(facts.workspace_bytes, np.uint8)
    spent, peaks = list[NDArray[np.float64]](), list[float]()
    run, peak = (getattr(library, f"{program.name}_{word}") for word in ("profile", "peak"))
    peak.restype, sums = ctypes.c_double, np.empty(2, np.float32)
    end = time.perf_counter() + seconds
    while len(spent) < LEAST_RUNS or (time.perf_counter() < end and len(spent) < MOST_RUNS):
        times = np.zeros(max(1, len(program.layers)))
        given = [array.ctypes.data for array in arrays]
        run(*map(ctypes.c_void_p, (*given, workspace.ctypes.data, times.ctypes.data)))
        spent.append(times[: len(program.layers)])
        sums[:] = 0.5, 0.25
        peaks.append(peak(ctypes.c_void_p(sums.ctypes.data)))
    return np.array(spent[1:]), float(np.median(peaks[1:]))


def _row(layer: Layer, facts: Facts, milliseconds: float, peak: float) -> LayerTime:
    times = facts.program.pictures
    macs, saved = times * layer.macs, times * layer.saved_macs
    gflops = 2e-6 * (macs - saved) / milliseconds if milliseconds else 0.0
    return LayerTime(
        name=layer.name,
        operator=layer.operator,
        summary=layer.summary(),
        macs=macs,
        bytes=times * (_bytes(layer) + facts.schedule.packed[layer.name].size),
        moved_bytes=times * layer.moved,
        tile=facts.tiles.get(layer.name, ""),
        milliseconds=milliseconds,
        gflops=gflops,
        share_of_peak=gflops / peak if peak else 0.0,
        saved_macs=saved,
    )


def _bytes(layer: Layer) -> int:
    """Of the maps that a layer reads and writes; of its input only the channels it reads."""
    inputs = layer.tensors(("x",))
    own = {buffer for maps in inputs for buffer in maps.buffers}
    read = sum(maps.dtype.itemsize * prod(maps.shape) for maps in inputs)
    return read + sum(b.bytes for b in (*layer.reads, *layer.writes) if b not in own)
