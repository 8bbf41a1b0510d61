"""Milliseconds per picture of every network, PyTorch against ONNX Runtime, into one CSV file.

    python benchmarks/latency.py                                  # every network
    python benchmarks/latency.py shufflenet_v2_x0_5 mobilenet_v2  # these

Weights are fresh: they take as long as trained ones. `torch_folded` is PyTorch with BatchNorm
folded, as the exported file has it. Engines take turns within one process; each row carries the
machine's record, whose load_average says what else ran just before that network was timed.
"""

import argparse
import csv
import tempfile
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from swiftlet.exporting import export_onnx, fold
from swiftlet.measuring.engines import onnxruntime_engine, torch_engine
from swiftlet.measuring.latency import latency
from swiftlet.measuring.machine import machine
from swiftlet.models import create_model, list_models, spec


def rows(name: str, threads: list[int], seconds: float) -> list[dict[str, object]]:
    """One row per engine and number of threads."""
    row = spec(name)
    model = create_model(name).eval()
    record = machine()
    with tempfile.TemporaryDirectory() as folder:
        classes = [str(number) for number in range(row.num_classes)]
        path = Path(folder) / "model.onnx"
        file = export_onnx(model, path, preprocess=None, shape=row.input.shape, classes=classes)
        engines = [
            engine
            for count in threads
            for engine in (
                torch_engine(model, count),
                torch_engine(fold(model), count, name="torch_folded"),
                onnxruntime_engine(file.path, count),
            )
        ]
        picture = np.random.default_rng(0).standard_normal((1, *row.input.shape), np.float32)
        measured = latency(engines, picture, seconds=seconds, rounds=10)
    kept = ("engine", "threads", "batch", "median_ms", "p10_ms", "p90_ms", "rounds", "calls")
    return [
        {"network": row.name, "params": row.params, "macs": row.macs, "onnx_bytes": file.bytes}
        | {key: _short(asdict(one)[key]) for key in kept}
        | record
        for one in measured
    ]


def _short(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else value


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="networks (default: all)")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--seconds", type=float, default=3.0, help="per engine")
    parser.add_argument("--output", type=Path, help="CSV file to write")
    options = parser.parse_args()
    torch.manual_seed(0)
    default = Path(__file__).parent / "results" / "latency.csv"
    output = options.output or default
    output.parent.mkdir(parents=True, exist_ok=True)
    with output.open("w", newline="", encoding="utf-8") as file:
        writer: csv.DictWriter[str] | None = None
        for name in options.names or list_models():
            for row in rows(name, options.threads, options.seconds):
                if writer is None:
                    writer = csv.DictWriter(file, list(row))
                    writer.writeheader()
                writer.writerow(row)
                print(*(f"{key}={row[key]}" for key in list(row)[:9]))
            file.flush()
    print(f"written: {output}")


if __name__ == "__main__":
    main()
