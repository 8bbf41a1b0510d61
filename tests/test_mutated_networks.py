"""Exported and compiled networks, mutated with a fixed seed: a sentence or an answer, always."""

import json
import random
import shutil
from pathlib import Path

import numpy as np
import onnx
import pytest
from tests.compiler.mutations import damaged_bytes, damaged_fields
from tests.mutated import Counts, mutated_bytes, mutated_json

from martlet.api.compile import compile
from martlet.api.evaluate import evaluate
from martlet.api.export import export
from martlet.api.predict import predict
from martlet.compiler import CompiledNetwork
from martlet.workflows.run_folder import Run

pytestmark = pytest.mark.slow


def test_onnx_files_that_are_run(trained: Run, photos: Path, tmp_path: Path) -> None:
    """Also those that load but cannot be run: the sentence is that of predict and of evaluate."""
    counts, path = Counts(), tmp_path / "m.onnx"
    content = Path(export(trained.folder, output=tmp_path / "good.onnx").path).read_bytes()
    model = onnx.load_model_from_string(content)
    pictures = [photos / "red" / "001.png", photos / "blue" / "002.png"]
    for seed in range(400):
        if seed % 2:
            path.write_bytes(damaged_bytes(content, seed))
        else:
            path.write_bytes(damaged_fields(model, seed).SerializeToString())
        if seed % 4 < 3:
            counts.try_out(lambda: predict(path, pictures))
        else:
            counts.try_out(lambda: evaluate(path, photos, quiet=True))
    counts.show("ONNX files")
    assert min(counts.ends.values()) > 50


def test_compiled_folders(trained: Run, photos: Path, tmp_path: Path) -> None:
    """The description and the weights; a changed library is changed code, which nothing can trust.

    A folder that is opened must run: its sizes are those of the library.
    """
    draw, counts = random.Random(5), Counts()
    good, folder = tmp_path / "good", tmp_path / "c"
    exported = export(trained.folder, output=tmp_path / "m.onnx").path
    compile(exported, good, weights="file", target="portable")
    (described,) = good.glob("*.json")
    (weights,) = good.glob("*.bin")
    text = described.read_text()
    x = np.zeros(next(iter(json.loads(text)["inputs"].values())), np.float32)
    for number in range(300):
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(good, folder)
        if number % 3 == 0:
            (folder / described.name).write_text(mutated_json(json.loads(text), draw))
        elif number % 3 == 1:
            (folder / described.name).write_bytes(mutated_bytes(text.encode(), draw))
        else:
            (folder / weights.name).write_bytes(mutated_bytes(weights.read_bytes(), draw))
        if number % 2:
            counts.try_out(lambda: CompiledNetwork(folder)(x))
        else:
            counts.try_out(lambda: predict(folder, [photos / "red" / "001.png"]))
    counts.show("compiled folders")
    assert min(counts.ends.values()) > 30
