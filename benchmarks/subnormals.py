"""Two networks of one structure, one with weights below 1.2e-38 (subnormal numbers), in one run.

    python benchmarks/subnormals.py [NETWORK ...]

Training with weight decay leaves such weights in channels that nothing reads, and a tiny scale of
batch norm makes such activations; many processors are slow with them. One thread, batch 1;
all rows of a network take turns. Writes results/subnormals.csv.
"""

import argparse
import tempfile
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from exported import exported
from record import write_rows
from torch import nn

from martlet.compiler import compile_onnx
from martlet.measuring.engines import Engine, onnxruntime_engine, torch_engine
from martlet.measuring.latency import latency
from martlet.models import spec

NETWORKS = ("mobilenet_v2_x0_5", "shufflenet_v2_x1_0")
TINY = 1e-40
KINDS = ("normal", "half the weights", "half the scales of batch norm")


def half(kind: str, model: nn.Module) -> None:
    """Make some of the weights subnormal."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d) and kind == "half the weights":
            module.weight[torch.rand_like(module.weight) < 0.5] = TINY
        if isinstance(module, nn.BatchNorm2d) and kind == "half the scales of batch norm":
            chosen = torch.rand_like(module.weight) < 0.5
            module.weight[chosen], module.bias[chosen] = TINY, 0


def rows_of(name: str, seconds: float) -> list[dict[str, Any]]:
    """A row for each engine and kind; `times` is against the normal weights of that engine."""
    with tempfile.TemporaryDirectory() as scratch:
        engines = []
        for kind in KINDS:
            folder = Path(scratch) / kind
            folder.mkdir()
            model, path, _ = exported(name, folder, partial(half, kind))
            net = compile_onnx(path, folder / "c", threads=1)
            engines += [
                torch_engine(model, 1, name=f"torch/{kind}"),
                onnxruntime_engine(path, 1, name=f"onnxruntime/{kind}"),
                Engine(f"martlet C/{kind}", 1, net),
            ]
        x = np.random.default_rng(0).standard_normal((1, *spec(name).input.shape), np.float32)
        found = {row.engine: row for row in latency(engines, x, seconds=seconds)}
    rows = []
    for label, row in found.items():
        engine, kind = label.split("/")
        times = row.median_ms / found[f"{engine}/normal"].median_ms
        took = {"median_ms": round(row.median_ms, 3), "times": round(times, 3)}
        rows.append({"network": name, "engine": engine, "subnormal": kind, **took})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--seconds", type=float, default=2.0, help="for each row")
    options = parser.parse_args()
    rows = [row for name in options.networks for row in rows_of(name, options.seconds)]
    write_rows("subnormals", rows)


if __name__ == "__main__":
    main()
