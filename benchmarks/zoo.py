"""Everyone's small networks, compiled: what compiles, how exactly, and how fast beside runtimes.

    python benchmarks/zoo.py [NAME ...] [--peers onnxruntime,openvino,litert] [--seconds 0.4]
    python benchmarks/zoo_report.py        # tables and a picture of results/zoo.csv

The networks are those of zoo.txt (zoo_list.py), with random weights and statistics (none of them
zero: a runtime leaves out what a norm that begins with zeros throws away), exported by torch's two
exporters; the second alone counts where the first fails. Each is a process of its own, so that what
one of them breaks is a row that says so. Compiled for this processor, float32, one picture, one
thread; its answer and ONNX Runtime's are compared with float64. Engines take turns, and
what counts is the processor time of the whole process for a call, in the best of the turns: these
machines are shared. Rows of results/zoo.csv that are there are not measured again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import torch
from record import add_row, rows_of
from torch import nn
from zoo_others import OTHERS, Shape
from zoo_report import NAME, PEERS

from martlet.measuring.engines import Array, Engine

LIST = Path(__file__).parent / "zoo.txt"
LONGEST = 900  # seconds of one network, all together
ROUNDS = 7
EXPORTERS = ("torchscript", "dynamo")


def model_of(library: str, name: str) -> nn.Module:
    """The network with fresh weights."""
    torch.manual_seed(0)
    if library == "others":
        return OTHERS[name][0]()
    if library == "torchvision":
        from torchvision.models import get_model

        return get_model(name, weights=None)
    if library == "timm":
        import timm

        found: nn.Module = timm.create_model(name, exportable=True)
        return found
    from pytorchcv.model_provider import get_model as of_pytorchcv

    made: nn.Module = of_pytorchcv(name)
    return made


def as_trained(model: nn.Module, shape: Shape) -> nn.Module:
    """No parameter all of one value, and batch norm with the statistics of what comes in."""
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.numel() > 1 and bool((parameter == parameter.flatten()[0]).all()):
                around = float(parameter.flatten()[0] == 1)
                parameter.normal_(around, 0.1)
        for module in model.modules():
            if isinstance(module, nn.modules.batchnorm._BatchNorm):
                module.momentum = 1.0
        model.train()(torch.randn(4, *shape))
    return model.eval()


def exported(model: nn.Module, shape: Shape, exporter: str, path: Path) -> Path:
    """Its ONNX file."""
    picture = torch.zeros(1, *shape)
    if exporter == "dynamo":
        torch.onnx.export(model, (picture,), path, dynamo=True, verbose=False)
    else:
        torch.onnx.export(model, (picture,), path, dynamo=False, opset_version=17)
    return path


def in_float64(model: nn.Module, picture: Array) -> Array:
    """Its answer."""
    with torch.no_grad():
        answer: Array = deepcopy(model).double()(torch.from_numpy(picture).double()).numpy()
    return answer


def timed(engines: Sequence[Engine], picture: Array, seconds: float) -> dict[str, float]:
    """Milliseconds of a call of each, by the process's own clock: the best of its turns."""
    best = dict.fromkeys((engine.name for engine in engines), float("inf"))
    for _ in range(ROUNDS):
        for engine in engines:
            engine(picture)
            calls, begin = 0, time.process_time()
            while (spent := time.process_time() - begin) < seconds / ROUNDS or calls < 2:
                engine(picture)
                calls += 1
            spent = time.process_time() - begin
            best[engine.name] = min(best[engine.name], 1e3 * spent / calls)
    return best


def measured(
    library: str, name: str, shape: Shape, exporter: str, peers: Sequence[str], seconds: float
) -> dict[str, Any]:
    """A row of one network, in this process."""
    from peers import PEERS as MAKERS

    from martlet.compiler import compile_onnx

    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        model = as_trained(model_of(library, name), shape)
        path = exported(model, shape, exporter, Path(folder) / "network.onnx")
        begin = time.perf_counter()
        net = compile_onnx(path, Path(folder) / "c", library=False)
        python = time.perf_counter() - begin
        begin = time.perf_counter()
        net = compile_onnx(path, Path(folder) / "out")
        both = time.perf_counter() - begin
        row: dict[str, Any] = {
            "python_s": f"{python:.1f}", "cc_s": f"{max(0.0, both - python):.1f}",
            "c_bytes": (Path(folder) / "out" / f"{net.description.name}.c").stat().st_size,
        }  # fmt: skip
        engines = [Engine("martlet", 1, net)]
        picture = np.random.default_rng(0).standard_normal((1, *shape), np.float32)
        for peer in peers:
            try:
                engine = MAKERS[peer](model, path, 1)
                engine(picture)
            except Exception as error:  # of whatever kind: it is not here, or cannot run it
                print(f"{name}: {peer} {str(error).splitlines()[:1]}", file=sys.stderr)
            else:
                engines.append(engine)
        exact = in_float64(model, picture)
        for column, engine in zip(APART, engines, strict=False):
            found = np.abs(np.asarray(engine(picture)) - exact).max() / np.abs(exact).max()
            row[column] = f"{found:.1e}"
        times = timed(engines, picture, seconds)
    return row | {f"{engine}_ms": f"{ms:.3f}" for engine, ms in times.items()}


APART = ("apart", "onnxruntime_apart")  # from the network in float64, of the largest answer
FIELDS = ("python_s", "cc_s", "c_bytes", *APART, *(f"{n}_ms" for n in ("martlet", *PEERS)))


def row_of(line: str, exporter: str, options: argparse.Namespace) -> dict[str, Any]:
    """A row of one network, measured in a process of its own."""
    library, name, shape, macs, params = line.split()
    known = {
        "library": library, "network": name, "input": shape, "macs_m": macs, "params_m": params,
        "exporter": exporter, "problem": "",
    }  # fmt: skip
    empty: dict[str, Any] = dict.fromkeys(FIELDS, "")
    asked = [library, name, shape, exporter, options.peers, str(options.seconds)]
    command = [sys.executable, "-W", "ignore", __file__, "--alone", *asked]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=LONGEST)
    except subprocess.TimeoutExpired:
        return known | empty | {"problem": f"more than {LONGEST} s"}
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"ended with {done.returncode}"]
        return known | empty | {"problem": said[-1][:200]}
    return known | empty | json.loads(done.stdout.strip().splitlines()[-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*")
    parser.add_argument("--peers", default=",".join(PEERS))
    parser.add_argument("--seconds", type=float, default=0.7, help="of each engine")
    parser.add_argument("--exporters", nargs="+", default=EXPORTERS, choices=EXPORTERS)
    parser.add_argument("--into", default=NAME, help="the CSV in results/")
    parser.add_argument("--alone", nargs=6, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        library, name, sides, exporter, peers, seconds = given.alone
        shape = tuple(map(int, sides.split("x")))
        chosen = [peer for peer in peers.split(",") if peer]
        row = measured(library, name, shape, exporter, chosen, float(seconds))
        print(json.dumps(row))
        return
    lines = LIST.read_text(encoding="utf-8").splitlines()
    problems = {(row["network"], row["exporter"]): row["problem"] for row in rows_of(given.into)}
    for line in lines:
        name = line.split()[1]
        if given.names and name not in given.names:
            continue
        for exporter in given.exporters:
            if (name, exporter) not in problems:
                row = row_of(line, exporter, given)
                add_row(given.into, row)
                problems[name, exporter] = row["problem"]
            if not problems[name, exporter]:
                break  # the other one is asked where this one fails, or where it alone is named


if __name__ == "__main__":
    main()
