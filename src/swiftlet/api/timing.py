"""How `measure` makes its engines."""

import tempfile
from pathlib import Path

import numpy as np
import torch
from torch import nn

from swiftlet.api.opened import checkpoint_path
from swiftlet.data.preprocess import Preprocess
from swiftlet.errors import SwiftletError, unknown
from swiftlet.exporting import export_onnx
from swiftlet.files import MODEL
from swiftlet.measuring.engines import Engine, onnxruntime_engine, torch_engine
from swiftlet.measuring.latency import Latency, latency
from swiftlet.models import create_model, list_models, spec
from swiftlet.training import checkpoint

ENGINES = ("torch", "onnxruntime")


def time_engines(
    run: Path | str, names: tuple[str, ...], threads: int, batch: int, seconds: float, size: int
) -> list[Latency]:
    """The rows of `measure`."""
    for name in names:
        if name not in ENGINES:
            raise unknown("engine", name, ENGINES)
    if batch < 1:
        raise SwiftletError(f"batch={batch} is not accepted; give 1 or more.")
    model, preprocess, classes, folder = _network(run, size)
    with tempfile.TemporaryDirectory() as scratch:
        engines: list[Engine] = []
        for name in names:
            if name == "torch":
                engines.append(torch_engine(model, threads))
            else:
                path = Path(scratch) / "model.onnx"
                export_onnx(model, path, preprocess=preprocess, classes=classes)
                engines.append(onnxruntime_engine(path, threads))
        shape = (batch, len(preprocess.mean), preprocess.size, preprocess.size)
        pictures = np.random.default_rng(0).standard_normal(shape, dtype=np.float32)
        rows = latency(engines, pictures, seconds=seconds)
    if folder is not None:
        from swiftlet.api.page import write_report

        write_report(folder, rows)
    return rows


def _network(
    run: Path | str, size: int
) -> tuple[nn.Module, Preprocess, tuple[str, ...], Path | None]:
    """Network, Preprocess, classes, and the run folder when there is one with a report."""
    path = Path(run)
    if not path.exists() and path.suffix == "" and path.parent == Path("."):
        if not list_models(str(run)) and "/" not in str(run):
            spec(str(run))  # raises the sentence with the closest names
        torch.manual_seed(0)
        classes = tuple(str(number) for number in range(1000))
        return create_model(str(run)).eval(), Preprocess(size=size), classes, None
    file = checkpoint_path(path)
    model, header = checkpoint.load_model(file)
    folder = path if path.is_dir() and (path / MODEL).exists() else None
    return model, header.preprocess, header.classes, folder
