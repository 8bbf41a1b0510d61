"""How `measure` makes its engines."""

import tempfile
from pathlib import Path

import numpy as np
import torch

from swiftlet.api import start
from swiftlet.api.opened import checkpoint_path
from swiftlet.errors import SwiftletError, unknown
from swiftlet.exporting import export_onnx
from swiftlet.files import MODEL
from swiftlet.measuring.engines import Engine, onnxruntime_engine, torch_engine
from swiftlet.measuring.latency import Latency, latency
from swiftlet.models import Classifier, create_model, spec
from swiftlet.models.spec import input_shape
from swiftlet.training import checkpoint

ENGINES = ("torch", "onnxruntime")


def time_engines(
    run: Path | str,
    names: tuple[str, ...],
    threads: int,
    batch: int,
    seconds: float,
    size: int | None,
) -> list[Latency]:
    """The rows of `measure`."""
    for name in names:
        if name not in ENGINES:
            raise unknown("engine", name, ENGINES)
    if batch < 1:
        raise SwiftletError(f"batch={batch} is not accepted; give 1 or more.")
    model, shape, folder = _network(run, size)
    with tempfile.TemporaryDirectory() as scratch:
        engines: list[Engine] = []
        for name in names:
            if name == "torch":
                engines.append(torch_engine(model, threads))
            else:
                path = Path(scratch) / "model.onnx"
                classes = [str(number) for number in range(model.num_classes)]
                export_onnx(model, path, preprocess=None, shape=shape, classes=classes)
                engines.append(onnxruntime_engine(path, threads))
        inputs = np.random.default_rng(0).standard_normal((batch, *shape), dtype=np.float32)
        rows = latency(engines, inputs, seconds=seconds)
    if folder is not None:
        from swiftlet.api.page import write_report

        write_report(folder, rows)
    return rows


def _network(run: Path | str, size: int | None) -> tuple[Classifier, tuple[int, ...], Path | None]:
    """Network, shape of one input, and the run folder when there is one with a report."""
    path = Path(run)
    if not path.exists() and path.suffix == "" and path.parent == Path("."):
        row = spec(str(run))
        shape = input_shape(row, size)
        if size is not None:
            start.check_network(row.name, size, small_input=False)
        torch.manual_seed(0)
        return create_model(str(run)).eval(), shape, None
    file = checkpoint_path(path)
    model, header = checkpoint.load_model(file)
    folder = path if path.is_dir() and (path / MODEL).exists() else None
    preprocess = header.preprocess
    return model, (len(preprocess.mean), preprocess.size, preprocess.size), folder
