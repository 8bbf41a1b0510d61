"""How `measure` makes its engines."""

import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from math import prod
from pathlib import Path

import numpy as np
import torch
from torch import nn

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.data.pictures.preprocess import LARGEST_SIZE
from martlet.errors import MartletError, unknown
from martlet.exporting import export_onnx
from martlet.inference import is_compiled
from martlet.measuring.cost import cost
from martlet.measuring.engines import Engine, onnxruntime_engine, torch_engine
from martlet.measuring.latency import Latency, latency
from martlet.memory import require_memory
from martlet.models import Classifier, create_model, spec
from martlet.models.spec import check_network, input_shape
from martlet.storage.claim import claimed
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.run_files import MODEL
from martlet.workflows.open_network import checkpoint_path

ENGINES = ("torch", "onnxruntime", "c")
USUAL = ("torch", "onnxruntime")
MOST_THREADS = 1024  # of an engine: more are no machine of today
WAIT_SECONDS = 10.0  # for another process that writes the report


def time_engines(
    run: Path | str,
    names: tuple[str, ...],
    threads: int,
    batch: int,
    seconds: float,
    size: int | None,
    roofline: bool = False,
) -> list[Latency]:
    """The rows of `measure`; with `roofline` its files are written too."""
    names = tuple(part.strip() for name in names for part in name.split(","))
    for name in names:
        if name not in ENGINES:
            raise unknown("engine", name, ENGINES)
    for option, value in (("batch", batch), ("threads", threads)):  # before files are made
        most = MOST_THREADS if option == "threads" else value
        if not 1 <= value <= most:
            accepted = f"1 to {most}" if option == "threads" else "1 or more"
            raise MartletError(f"{option}={value} is not accepted; give {accepted}.")
    if is_compiled(run) and not (Path(run) / MODEL).exists():
        if roofline:
            raise MartletError(
                f"roofline=True times each layer anew, and {run} is compiled already; give the run "
                "or the network, or use `compile --report`."
            )
        return _time_compiled(Path(run), names, batch, seconds)
    model, shape, header = _network(run, size)
    needed = batch * (4 * prod(shape) + cost(model, (1, *shape)).peak_activation_bytes)
    require_memory(needed, f"a batch of {batch} of shape {shape}", "give a smaller batch or size")
    reported = header is not None and "per_class" in header.metrics and Path(run).is_dir()
    with claimed(Path(run)) if reported else nullcontext():
        pass  # an error before the work, not after it
    with engines_of(model, shape, names or USUAL, threads, model.num_classes) as engines:
        rows = latency(engines, _numbers(batch, shape), seconds=seconds)
    if roofline:
        from martlet.workflows.roofline import write_roofline  # draws: matplotlib

        if header is None:
            write_roofline(model, shape, str(run), Path(), f"{run}_", seconds)
        else:
            folder = checkpoint_path(Path(run)).parent
            write_roofline(model, shape, header.network.name, folder, "", seconds)
    if header is not None and reported:
        from martlet.workflows.report_page import write_report

        with claimed(Path(run), wait=WAIT_SECONDS):
            write_report(Path(run), header, model, rows)
    return rows


def _numbers(batch: int, shape: tuple[int, ...]) -> np.ndarray:
    return np.random.default_rng(0).standard_normal((batch, *shape), dtype=np.float32)


@contextmanager
def engines_of(
    model: nn.Module, shape: tuple[int, ...], names: Sequence[str], threads: int, outputs: int
) -> Iterator[list[Engine]]:
    """The engines by name, of a network of so many outputs; their files are there while the block
    runs."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        if set(names) != {"torch"}:
            classes = [str(number) for number in range(outputs)]
            export_onnx(model, path, preprocess=None, shape=shape, classes=classes)
        makers = {
            "torch": lambda: torch_engine(model, threads),
            "onnxruntime": lambda: onnxruntime_engine(path, threads),
            "c": lambda: _c_engine(compile_onnx(path, Path(scratch) / "c", threads=threads)),
        }
        yield [makers[name]() for name in names]


def _c_engine(net: CompiledNetwork) -> Engine:
    return Engine("c", net.description.threads, net)


def _time_compiled(
    folder: Path, names: tuple[str, ...], batch: int, seconds: float
) -> list[Latency]:
    """The row of a compiled network, which only engine c runs."""
    if set(names) - {"c"}:
        raise MartletError(
            f"engines={','.join(names)} is not accepted for a compiled network; c is."
        )
    net = CompiledNetwork(folder)
    shapes = list(net.description.inputs.values())
    if len(shapes) != 1 or batch % shapes[0][0]:
        raise MartletError(
            f"batch={batch} does not fit {folder}, which was compiled for {shapes[0]}."
            if len(shapes) == 1
            else f"{folder} takes {len(shapes)} inputs; networks of one input can be measured."
        )
    return latency([_c_engine(net)], _numbers(batch, shapes[0][1:]), seconds=seconds)


def _network(
    run: Path | str, size: int | None
) -> tuple[Classifier, tuple[int, ...], Header | None]:
    """Network, shape of one input, and the header when it is a run's."""
    path = Path(run)
    if not path.exists() and path.suffix == "" and path.parent == Path("."):
        row = spec(str(run))
        if size is not None and not 1 <= size <= LARGEST_SIZE:
            raise MartletError(f"image_size={size} is not accepted; give 1 to {LARGEST_SIZE}.")
        shape = input_shape(row, size)
        if size is not None:
            check_network(row, size, small_input=False)
        torch.manual_seed(0)
        return create_model(str(run)).eval(), shape, None
    model, header = checkpoint.load_model(checkpoint_path(path))
    return model, header.preprocess.shape, header
