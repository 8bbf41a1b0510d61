"""Compiled networks against every runtime that is installed, in one run, into one CSV file.

    python benchmarks/latency_vs_peers.py                       # the networks of the README
    python benchmarks/latency_vs_peers.py mobilenet_v2_x1_0 --threads 2

Float32, batch 1, one picture; all engines run in this process, pinned to as many cores as they have
threads, and take turns. Before it is timed, every engine's answer is compared with PyTorch's.
"""

import argparse
import os
import tempfile
from pathlib import Path

import numpy as np
import torch
from peers import PEERS
from record import write_rows

from swiftlet.compiler import compile_onnx
from swiftlet.exporting import export_onnx
from swiftlet.measuring.engines import Array, Engine
from swiftlet.measuring.latency import latency
from swiftlet.models import create_model, spec

NETWORKS = (
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x2_0",
    "shufflenet_v1_g3_x1_0",
    "mobilenet_v1_x1_0",
    "mobilenet_v2_x1_0",
    "mobilenet_v3_small_x1_0",
    "mobilenet_v3_large_x1_0",
)


def engines_of(
    name: str, threads: int, folder: Path, chosen: list[str]
) -> tuple[list[Engine], Array]:
    """All engines that can be had, and a picture."""
    row = spec(name)
    torch.manual_seed(0)
    model = create_model(name)
    with torch.no_grad():
        model(torch.randn(8, *row.input.shape))  # running statistics of their own
    model.eval()
    picture = np.random.default_rng(0).standard_normal((1, *row.input.shape), np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(picture)).numpy()
    path = folder / f"{row.name}.onnx"
    classes = [str(number) for number in range(row.num_classes)]
    export_onnx(model, path, preprocess=None, shape=row.input.shape, classes=classes)
    compiled = compile_onnx(path, folder / "compiled")
    found = [Engine("swiftlet", threads, compiled)]
    for peer in chosen:
        try:
            found.append(PEERS[peer](model, path, threads))
        except ImportError as error:
            print(f"{peer}: not installed ({error})")
        except Exception as error:  # of whatever kind the peer raises: it cannot run this network
            print(f"{peer}: cannot run {row.name} ({str(error).splitlines()[0][:100]})")
    for engine in found:
        apart = np.abs(engine(picture) - expected).max() / np.abs(expected).max()
        print(f"{row.name} {engine.name}: differs from PyTorch by {apart:.1e} of the scale")
        assert apart < 1e-3, engine.name
    return found, picture


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=4.0, help="per engine")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--output", default="latency_vs_peers", help="name of the CSV file")
    options = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))[-options.threads :]
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(options.threads)
    rows = []
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            peers = options.peers.split(",")
            engines, picture = engines_of(name, options.threads, Path(folder), peers)
            measured = latency(engines, picture, seconds=options.seconds, rounds=12)
        fastest = min(one.median_ms for one in measured if one.engine != "swiftlet")
        for one in measured:
            rows.append(
                {
                    "network": spec(name).name,
                    "engine": one.engine,
                    "threads": one.threads,
                    "median_ms": f"{one.median_ms:.3f}",
                    "p10_ms": f"{one.p10_ms:.3f}",
                    "p90_ms": f"{one.p90_ms:.3f}",
                    "calls": one.calls,
                    "fastest_peer_by_this": f"{fastest / one.median_ms:.2f}",
                }
            )
    write_rows(options.output, rows)


if __name__ == "__main__":
    main()
