"""Small pieces of C for the benchmarks: the arithmetic limit, and a processor without AVX-512."""

import ctypes
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from martlet.measuring.engines import Array, Engine
from martlet.measuring.latency import Latency

SOME_MACS = 40_000_000  # some tenths of a millisecond; the clock rises after two
LIMIT, BEHIND = "limit", "limit at its clock"
HERE = Path(__file__).parent
ONLY_AVX2 = bool(os.environ.get("ONLY_AVX2"))


def cc(source: Path, library: Path, *flags: str) -> Path:
    """Build a shared library for what this processor may use."""
    machine = "-march=x86-64-v3" if ONLY_AVX2 else "-march=native"
    command = [
        "cc",
        "-O3",
        machine,
        "-fPIC",
        "-shared",
        *flags,
        str(source),
        "-o",
        str(library),
        "-lm",
    ]
    subprocess.run(command, check=True)
    return library


def limit(macs: int, lanes: int, folder: Path) -> Engine:
    """An "engine" that does nothing but so many multiplications and additions, at full speed.

    Timed in turns with the others, it says what share of the processor's peak they reach, at the
    clock rate of the same minute.
    """
    chains = 16 if lanes == 16 else 12
    flags = [f"-DLANES={lanes}", f"-DCHAINS={chains}", "-ffp-contract=fast"]
    library = ctypes.CDLL(str(cc(HERE / "limit.c", folder / "limit.so", *flags)))
    sums = np.array([0.5, 0.25], np.float32)
    turns = ctypes.c_long(-(-macs // (lanes * chains)))

    def run(batch: Array) -> Array:
        sums[0] = 0.5
        library.limit(turns, ctypes.c_void_p(sums.ctypes.data))
        return batch

    return Engine(LIMIT, 1, run)


def limit_behind(
    engine: Engine, batch: Array, macs: int, lanes: int, folder: Path, seconds: float
) -> Latency:
    """What the multiplications alone take at the clock at which the engine runs.

    A processor lowers its clock under dense work. So some are timed right behind each call of the
    engine, before the clock has risen again; the first ones, from a cold start, are not timed.
    """
    part, spent = limit(SOME_MACS, lanes, folder), list[float]()
    end = time.perf_counter() + seconds
    while time.perf_counter() < end:
        engine.run(batch)
        part.run(batch)
        start = time.perf_counter()
        part.run(batch)
        spent.append(1e3 * macs / SOME_MACS * (time.perf_counter() - start))
    p10, median, p90 = np.percentile(spent, (10, 50, 90))
    return Latency(BEHIND, 1, 1, median, p10, p90, 1, len(spent), (median,))


def restart_with_avx2(folder: Path) -> None:
    """Run this program anew, without AVX-512 for all that asks the processor what it can do."""
    if ONLY_AVX2:
        os.environ.pop("LD_PRELOAD", None)  # programs that this one starts have their own handlers
        return
    if "cpuid_fault" not in Path("/proc/cpuinfo").read_text():
        raise SystemExit("this processor cannot hide its AVX-512 (no cpuid_fault)")
    library = cc(HERE / "only_avx2.c", folder / "only_avx2.so", "-Wall", "-Wextra", "-Werror")
    hidden = {"LD_PRELOAD": str(library), "ONLY_AVX2": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **hidden})
