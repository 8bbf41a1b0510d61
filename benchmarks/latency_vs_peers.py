"""Compiled networks against every runtime that is installed, in one run.

    python benchmarks/latency_vs_peers.py                       # the networks of the README
    python benchmarks/latency_vs_peers.py mobilenet_v2_x1_0 --threads 2
    python benchmarks/latency_vs_peers.py --isa avx2            # no AVX-512 for anyone
    python benchmarks/latency_vs_peers.py shufflenet_v2_x1_0 --detector lite --side 320 \
        --output latency_boxes

Float32, batch 1, one picture, fresh weights. All engines run in this process, pinned to as many
cores as they have threads, and take turns; before it is timed, every engine's answer is compared
with PyTorch's. "limit" is what the network's multiplications alone take at the measured peak, in a
turn of their own; "limit at its clock" is measured right behind each call of martlet's, when the
processor still has the lower clock that it has under such work.
"in C" is martlet's own time, read in C around the run.
Writes results/latency.csv and draws docs/latency.png; for several threads, AVX2 or some of the
networks, a file of another name. With several threads, one of martlet's takes its turns as well.
"""

import argparse
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from exported import exported
from in_c import InC
from latency_chart import ALONE, OURS, draw
from native import limit, limit_behind, restart_with_avx2
from peers import PEERS
from record import write_rows

from martlet.compiler import compile_onnx
from martlet.compiler.targets import target as target_of
from martlet.measuring.cost import cost
from martlet.measuring.engines import Array, Engine
from martlet.measuring.latency import Latency, latency
from martlet.models import spec

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
TARGETS = {"best": "native", "avx2": "x86-64-v3"}


def engines_of(
    name: str,
    threads: int,
    target: str,
    folder: Path,
    chosen: Sequence[str],
    detector: str | None = None,
    side: int | None = None,
) -> tuple[list[Engine], list[InC], Array, dict[str, Any]]:
    """All engines that can be had, those timed in C, a picture, what is known of the network."""
    row = spec(name)
    model, path, shape = exported(name, folder, detector=detector, side=side)
    picture = np.random.default_rng(0).standard_normal((1, *shape), np.float32)
    with torch.inference_mode():
        expected = model(torch.from_numpy(picture)).numpy()
    net = compile_onnx(path, folder / "compiled", target=target, threads=threads)
    found = [Engine(OURS, net.description.threads, net)]
    for peer in chosen:
        try:
            engine = PEERS[peer](model, path, threads)
            apart = np.abs(engine(picture) - expected).max() / np.abs(expected).max()
        except ImportError as error:
            print(f"{peer}: not installed ({error})")
        except Exception as error:  # of whatever kind the peer raises: it cannot run this network
            print(f"{peer}: cannot run {row.name} ({str(error).splitlines()[0][:100]})")
        else:
            print(f"{row.name} {engine.name}: {apart:.1e} of the scale from PyTorch")
            assert apart < 1e-4, engine.name
            found.append(engine)
    apart = np.abs(found[0](picture) - expected).max() / np.abs(expected).max()
    assert apart < 1e-5, apart
    in_c = [InC(net, OURS, folder)]
    if threads == 1:
        found.append(limit(net.description.macs, net.description.lanes, folder))
    else:
        alone = compile_onnx(path, folder / "alone", target=target)
        found.append(Engine(ALONE, alone.description.threads, alone))
        in_c.append(InC(alone, ALONE, folder))
    spent = cost(model, (1, *shape))
    known = {
        "network": row.name if detector is None else f"{row.name} {detector}",
        "side": shape[-1],
        "params": spent.params,
        "macs": spent.macs,
        "onnx_bytes": path.stat().st_size,
    }
    return found, in_c, picture, known


def rows(measured: Sequence[Latency], known: dict[str, Any], isa: str) -> list[dict[str, Any]]:
    """One row for each engine; ratios are between medians of the same run."""
    (ours,) = (one for one in measured if one.engine == OURS)
    return [
        {
            **known,
            "engine": one.engine,
            "isa": isa,
            "threads": 1 if one.engine.startswith(ALONE) else ours.threads,
            "median_ms": f"{one.median_ms:.3f}",
            "p10_ms": f"{one.p10_ms:.3f}",
            "p90_ms": f"{one.p90_ms:.3f}",
            "rounds": one.rounds,
            "calls": one.calls,
            "times_martlet": f"{one.median_ms / ours.median_ms:.2f}",
        }
        for one in measured
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", default=NETWORKS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--isa", choices=TARGETS, default="best")
    parser.add_argument("--seconds", type=float, default=4.0, help="per engine")
    parser.add_argument("--rounds", type=int, default=40)
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--detector", help="neck and head on each network: lite")
    parser.add_argument("--side", type=int, help="of the picture, in pixels")
    parser.add_argument("--output", help="name of the CSV file")
    options = parser.parse_args()
    suffix = "" if options.isa == "best" else f"_{options.isa}"
    suffix += "" if options.threads == 1 else f"_{options.threads}_threads"
    suffix += "" if tuple(options.names) == NETWORKS else "_some"
    output = options.output or f"latency{suffix}"
    with tempfile.TemporaryDirectory() as folder:
        if options.isa == "avx2":
            restart_with_avx2(Path(folder))
    cores = sorted(os.sched_getaffinity(0))[-options.threads :]
    os.sched_setaffinity(0, cores)
    torch.set_num_threads(options.threads)
    found: list[dict[str, Any]] = []
    for name in options.names:
        with tempfile.TemporaryDirectory() as folder:
            engines, in_c, picture, known = engines_of(
                name,
                options.threads,
                TARGETS[options.isa],
                Path(folder),
                options.peers.split(","),
                options.detector,
                options.side,
            )
            turns = [*engines, *(one.engine for one in in_c)]
            measured = latency(
                turns, picture, seconds=options.seconds, rounds=options.rounds, attempts=1
            )
            measured[len(engines) :] = [one.latency() for one in in_c]
            if options.threads == 1:
                lanes = target_of(TARGETS[options.isa]).lanes
                beside = engines[0], picture, known["macs"], lanes, Path(folder), options.seconds
                measured.append(limit_behind(*beside))
        found += rows(measured, known, options.isa)
    write_rows(output, found)
    if output == "latency":
        draw(Path(__file__).parent / "results" / "latency.csv")


if __name__ == "__main__":
    main()
