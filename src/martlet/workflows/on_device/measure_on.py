"""A network in C: built here, copied to another machine, timed there, its answer compared."""

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from martlet.compiler import compile_onnx
from martlet.compiler.targets import target as target_of
from martlet.compiler.toolchain import build_program, find_compiler
from martlet.errors import MartletError
from martlet.inference import open_onnx
from martlet.measuring.latency import Latency
from martlet.models import Classifier
from martlet.models.detectors import Detector
from martlet.version import __version__
from martlet.workflows.bare_network import write_bare
from martlet.workflows.on_device.connection import Adb, Connection, Ssh, quoted
from martlet.workflows.on_device.probe import Probe, probe

BENCH = Path(__file__).with_name("bench.c")
ROUNDS = 5
PATIENCE_SECONDS = 120.0  # beside the time that is measured
CLOSE = 1e-3  # of the largest output: other processors round otherwise


def connect(ssh: str | None, adb: str | None) -> Connection:
    """The machine by one of the two; MartletError for a name that is none."""
    return Ssh(ssh) if ssh is not None else Adb(str(adb))


def time_on(
    connection: Connection,
    model: Classifier | Detector,
    shape: tuple[int, ...],
    threads: int,
    batch: int,
    seconds: float,
    target: str | None = None,
) -> Latency:
    """Build for the machine's processor, copy, run on its fastest cores, fetch the times.

    Raises MartletError when the machine does not answer, when there is no compiler for it, and when
    its outputs are not those of ONNX Runtime here.
    """
    before = probe(connection)
    made_for = before.target if target is None else target_of(target)
    if threads > len(before.cores) > 0:
        raise MartletError(
            f"threads={threads} is not accepted; {connection.name} has {len(before.cores)} cores."
        )
    find_compiler(None, made_for)  # an error before the work, not after it
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        onnx, program = folder / "model.onnx", folder / "bench"
        write_bare(model, onnx, shape, model.num_classes)
        compile_onnx(
            onnx, folder / "c", name="net", target=made_for.name, threads=threads, batch=batch,
            library=False,
        )  # fmt: skip
        shutil.copy(BENCH, folder / "c")
        more = ["-pthread"] if threads > 1 else []
        sources = [folder / "c" / "net.c", folder / "c" / BENCH.name]
        build_program(sources, program, made_for, None, more)
        inputs = numbers(batch * prod(shape)).reshape(batch, *shape)
        expected = open_onnx(onnx, 1)(inputs).ravel()
        cores = before.fastest(threads)
        mask = sum(1 << core.number for core in cores if core.number < 64)
        said = _run_there(connection, program, seconds, mask)
    after = probe(connection)
    pinned, outputs, rounds, share = read_times(said, connection.name)
    _compare(outputs, expected, connection.name)
    record = record_of(before, after, [core.number for core in cores] if pinned else [])
    return summary(rounds, threads, batch, record, share)


def _run_there(connection: Connection, program: Path, seconds: float, mask: int) -> str:
    with _folder_of(connection) as there:
        place = f"{there}/bench"
        connection.push(program, place)
        connection.run(f"chmod 755 {quoted(place)}")
        longest = seconds + PATIENCE_SECONDS
        command = f"{quoted(place)} {seconds:g} {ROUNDS} {mask:x} {longest:.0f}"
        return connection.run(command, longest)


@contextmanager
def _folder_of(connection: Connection) -> Iterator[str]:
    """A folder there, which is gone again when the block ends."""
    there = connection.run(f"mktemp -d {connection.scratch}/martlet.XXXXXX").strip()
    if not there.startswith(f"{connection.scratch}/martlet."):
        raise MartletError(f"{connection.name} made no folder in {connection.scratch}.")
    try:
        yield there
    finally:
        with suppress(MartletError):  # what went wrong before is the error that counts
            connection.run(f"rm -rf {quoted(there)}")


def numbers(count: int) -> NDArray[np.float32]:
    """The inputs of bench.c: a congruential generator's, from -1 to 1."""
    state, found = 1, np.empty(count, np.uint32)
    for index in range(count):
        state = (state * 1664525 + 1013904223) % 2**32
        found[index] = state >> 8
    return found.astype(np.float32) / np.float32(8388608) - np.float32(1)


def read_times(said: str, name: str) -> tuple[bool, list[float], list[list[float]], float]:
    """What bench.c wrote: whether it kept to its cores, outputs, milliseconds of each round, and
    the share of the time that it had a core."""
    pinned, outputs, rounds, share = False, list[float](), list[list[float]](), 1.0
    for line in said.splitlines():
        word, *values = line.split() or [""]
        if word == "pinned":
            pinned = values == ["1"]
        elif word == "outputs":
            outputs = [float(value) for value in values]
        elif word == "share" and values:
            share = float(values[0])
        elif word == "round" and values:
            rounds.append([int(value) / 1e6 for value in values])
    if len(rounds) != ROUNDS or not outputs:
        raise MartletError(
            f"{name}: the program gave {len(rounds)} of {ROUNDS} rounds of times; run it again, "
            "and look whether the machine has the memory."
        )
    return pinned, outputs, rounds, share


def _compare(outputs: Sequence[float], expected: NDArray[np.float32], name: str) -> None:
    scale = float(np.abs(expected).max()) or 1.0
    apart = float(np.abs(np.asarray(outputs) - expected[: len(outputs)]).max()) / scale
    if not apart <= CLOSE:
        raise MartletError(
            f"{name}: its outputs are {apart:.1e} of the largest one apart from ONNX Runtime's "
            "here, so that its times are of another computation; please report that."
        )


def summary(
    rounds: Sequence[Sequence[float]],
    threads: int,
    batch: int,
    record: dict[str, str],
    share: float = 1.0,
) -> Latency:
    """Median and spread of all calls, as of `latency` here."""
    p10, median, p90 = np.percentile(np.concatenate([np.asarray(one) for one in rounds]),
                                     [10, 50, 90])  # fmt: skip
    return Latency(
        engine="c",
        threads=threads,
        batch=batch,
        median_ms=float(median),
        p10_ms=float(p10),
        p90_ms=float(p90),
        rounds=len(rounds),
        calls=sum(map(len, rounds)),
        round_medians_ms=tuple(float(np.median(one)) for one in rounds),
        record=record,
        core_share=share,
    )


def record_of(before: Probe, after: Probe, pinned: Sequence[int]) -> dict[str, str]:
    """The machine's record, with clocks and temperature before and after the run."""

    def clocks(one: Probe) -> str:
        known = [core for core in one.cores if core.number in pinned and core.mhz]
        return " ".join(f"{core.mhz:.0f}" for core in known) or "unknown"

    governors = sorted({core.governor for core in before.cores if core.number in pinned})
    heat = [one.celsius for one in (before, after)]
    return {
        "cpu": before.cpu,
        "architecture": before.machine,
        "cores": str(len(before.cores)),
        "pinned_to": " ".join(map(str, pinned)) or "not pinned",
        "governor": " ".join(governors) or "unknown",
        "mhz_before": clocks(before),
        "mhz_after": clocks(after),
        "celsius": " to ".join("unknown" if one is None else f"{one:.1f}" for one in heat),
        "memory_gib": before.memory_gib,
        "load_average": before.load,
        "os": before.system,
        "martlet": __version__,
    }
