"""Float32 in C beside what runtimes reach in bfloat16 and in eight bits, in one run.

    python benchmarks/lower_precision.py [NETWORK ...]

Batch 1, one thread, one picture, engines in turns; OpenVINO in float32, in bfloat16 and in eight
bits, ONNX Runtime in eight bits (QDQ, calibrated on random pictures). "apart" is how far an
engine's answer lies from PyTorch's, of the largest one. What a processor has for these types
decides: results/lower_precision.csv says which of them this one names.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from exported import exported
from latency_vs_peers import NETWORKS
from peers import openvino
from record import write_rows

from martlet.compiler import compile_onnx
from martlet.measuring.engines import Array, Engine, onnxruntime_engine
from martlet.measuring.latency import latency
from martlet.models import spec

CALIBRATED = 16  # pictures
TYPES = ("avx512_bf16", "avx512_vnni", "avx_vnni", "amx_bf16", "amx_int8", "bf16", "i8mm")
ENGINES = ("martlet", "openvino", "openvino bf16", "openvino int8", "onnxruntime int8")


class Pictures:
    """Random ones, as ONNX Runtime's quantiser asks for them."""

    def __init__(self, name: str, shape: tuple[int, ...]) -> None:
        chance = np.random.default_rng(1)
        pictures = chance.standard_normal((CALIBRATED, 1, *shape), np.float32)
        self.left: Iterator[dict[str, Array]] = iter([{name: one} for one in pictures])

    def get_next(self) -> dict[str, Array] | None:
        """The next one, until there is none."""
        return next(self.left, None)


def quantised(path: Path, shape: tuple[int, ...]) -> Path:
    """The network in eight bits, weights by channel."""
    import onnxruntime as runtime
    from onnxruntime.quantization import quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    (given,) = runtime.InferenceSession(path).get_inputs()
    ready, made = path.with_name("ready.onnx"), path.with_name("eight_bits.onnx")
    quant_pre_process(path, ready)
    quantize_static(ready, made, Pictures(given.name, shape), per_channel=True)
    return made


def engines_of(name: str, folder: Path) -> tuple[list[Engine], Array, Array]:
    """All of them, a picture, and PyTorch's answer."""
    model, path, shape = exported(name, folder)
    picture = np.random.default_rng(0).standard_normal((1, *shape), np.float32)
    with torch.inference_mode():
        expected: Array = model(torch.from_numpy(picture)).numpy()
    eight = quantised(path, shape)
    runs = (
        compile_onnx(path, folder / "compiled"),
        openvino(model, path, 1),
        openvino(model, path, 1, "bf16"),
        openvino(model, eight, 1),
        onnxruntime_engine(eight, 1),
    )
    made = [Engine(called, 1, run) for called, run in zip(ENGINES, runs, strict=True)]
    return made, picture, expected


def rows_of(name: str, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """A row for each engine."""
    with tempfile.TemporaryDirectory() as folder:
        engines, picture, expected = engines_of(name, Path(folder))
        apart = [
            np.abs(engine(picture) - expected).max() / np.abs(expected).max() for engine in engines
        ]
        found = latency(engines, picture, seconds=seconds, rounds=rounds, attempts=1)
    types = processor_types()
    return [
        {
            "network": spec(name).name, "engine": one.engine, "median_ms": f"{one.median_ms:.3f}",
            "p10_ms": f"{one.p10_ms:.3f}", "p90_ms": f"{one.p90_ms:.3f}", "apart": f"{far:.1e}",
            "times_martlet": f"{one.median_ms / found[0].median_ms:.2f}", "types": types,
        }
        for one, far in zip(found, apart, strict=True)
    ]  # fmt: skip


def processor_types() -> str:
    """Instructions for lower precision that the processor names."""
    try:
        words = {*Path("/proc/cpuinfo").read_text(encoding="utf-8").split()}
    except OSError:
        return "unknown"
    return " ".join(word for word in TYPES if word in words)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--seconds", type=float, default=3.0, help="per engine")
    parser.add_argument("--rounds", type=int, default=30)
    options = parser.parse_args()
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-1:])
    torch.set_num_threads(1)
    found = [
        row for name in options.names for row in rows_of(name, options.seconds, options.rounds)
    ]
    write_rows("lower_precision", found)


if __name__ == "__main__":
    main()
