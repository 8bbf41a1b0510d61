"""Files of a run and of others, mutated with a fixed seed: a sentence or an answer, always."""

import io
import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision
from safetensors.torch import load_file, save_file
from tests.conftest import QUICK
from tests.mutated import Counts, mutated_bytes, mutated_json

from martlet.api.convert import convert
from martlet.api.evaluate import evaluate
from martlet.api.load import load
from martlet.api.measure import measure
from martlet.api.predict import predict
from martlet.api.show import show
from martlet.api.train import train
from martlet.training import checkpoint
from martlet.workflows.run_folder import Run

pytestmark = pytest.mark.slow


def test_checkpoints(trained: Run, photos: Path, tmp_path: Path) -> None:
    draw, counts = random.Random(1), Counts()
    path, picture = tmp_path / "run" / "model.safetensors", photos / "red" / "001.png"
    path.parent.mkdir()
    content, header = trained.checkpoint.read_bytes(), checkpoint.load_header(trained.checkpoint)
    tensors = load_file(trained.checkpoint)
    verbs: list[Callable[[], Any]] = [
        lambda: predict(path, [picture]),
        lambda: load(path),
        lambda: show(str(path)),
        lambda: measure(path.parent, engines=["torch"], seconds=0.001),
    ]
    for number in range(160):
        if number % 2:
            path.write_bytes(mutated_bytes(content, draw))
        else:
            text = mutated_json(json.loads(header.to_json()), draw)
            save_file(tensors, path, metadata={"martlet": text})
        counts.try_out(verbs[number // 2 % len(verbs)])
    counts.show("checkpoints")
    assert min(counts.ends.values()) > 10


def test_resume_files(trained: Run, photos: Path, tmp_path: Path) -> None:
    first = train(photos, folder=tmp_path, name="first", **{**QUICK, "epochs": 1})
    draw, counts = random.Random(2), Counts()
    source = first.folder / "resume.safetensors"
    content, tensors = source.read_bytes(), load_file(source)
    header = json.loads(checkpoint.load_header(source).to_json())
    for number in range(60):
        shutil.rmtree(tmp_path / "run", ignore_errors=True)
        shutil.copytree(first.folder, tmp_path / "run")
        path = tmp_path / "run" / "resume.safetensors"
        if number % 3 == 0:
            path.write_bytes(mutated_bytes(content, draw))
        elif number % 3 == 1:
            save_file(tensors, path, metadata={"martlet": mutated_json(header, draw)})
        else:
            some = dict(tensors)
            name = draw.choice(sorted(some))
            tensor = some.pop(name)
            if draw.random() < 0.7:
                some[draw.choice((name, f"{name}x", "optimizer.-1.step", "optimizer.9"))] = (
                    draw.choice((tensor[:1], tensor.double(), torch.ones(2, 3), tensor * 1e38))
                    if tensor.dim()
                    else torch.ones(3)
                )
            save_file(some, path, metadata={"martlet": json.dumps(header)})
        options = {**QUICK, "epochs": 1, "folder": tmp_path, "name": "run", "resume": True}
        counts.try_out(lambda options=options: train(photos, **options))
    counts.show("resume files")
    assert min(counts.ends.values()) > 5


def test_saved_splits(trained: Run, photos: Path, tmp_path: Path) -> None:
    """No figure but that of the true split comes out of them."""
    draw, counts = random.Random(3), Counts()
    shutil.copytree(trained.folder, tmp_path / "run")
    path = tmp_path / "run" / "split.json"
    content, true = path.read_bytes(), evaluate(trained.folder, photos, quiet=True)
    for number in range(100):
        if number % 2:
            path.write_bytes(mutated_bytes(content, draw))
        else:
            path.write_text(mutated_json(json.loads(content), draw))
        found = counts.try_out(lambda: evaluate(tmp_path / "run", photos, quiet=True))
        assert found in (None, true)
    counts.show("saved splits")


@pytest.mark.long
def test_others_files_of_weights(tmp_path: Path) -> None:
    torch.manual_seed(0)
    state = torchvision.models.shufflenet_v2_x0_5(num_classes=3).state_dict()
    draw, counts = random.Random(4), Counts()
    contents = []
    for saved, options in (
        ({"state_dict": state, "epoch": 3}, {}),
        (state, {"_use_new_zipfile_serialization": False}),
    ):
        stream = io.BytesIO()
        torch.save(saved, stream, **options)
        contents.append(stream.getvalue())
    for number in range(240):
        path = tmp_path / "net.pth"
        if number % 4 < 3:
            path.write_bytes(mutated_bytes(contents[number % 2], draw))
        else:
            path.unlink()
            torch.save(mutated_tensors(state, draw), path)
        out = tmp_path / "out.safetensors"
        counts.try_out(lambda out=out, path=path: convert(path, output=out, overwrite=True))
    counts.show("others' files")
    assert min(counts.ends.values()) > 20


def mutated_tensors(state: dict[str, Any], draw: random.Random) -> dict[Any, Any]:
    """A tensor is another one, another value, gone, under another name, or wrapped oddly."""
    changed: dict[Any, Any] = dict(state)
    name = draw.choice(sorted(state))
    tensor = changed.pop(name)
    odd = draw.choice(
        (
            *(tensor.double(), tensor.half(), tensor.bool(), tensor * float("inf"), None, 3, {}),
            *(tensor[None], torch.zeros(0), torch.zeros(1).expand(2**40), {name: tensor}, [tensor]),
            *(tensor.to(torch.complex64), tensor.to("meta"), torch.nn.Parameter(tensor.float())),
        )
    )
    changed[draw.choice((name, name, name, f"model.{name}", "", "a" * 5000, 3, "."))] = odd
    return draw.choice((changed, {"model": changed}, {"ema": changed, "model": state}))
