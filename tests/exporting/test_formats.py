"""Any format is written, run and compared; here, the weights of one matrix as text."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from martlet.exporting import Format, Trained, export
from martlet.exporting.trained import Check
from martlet.exporting.verify import Run
from martlet.storage.files import replacing


def write(trained: Trained, path: Path, check: Check) -> dict[str, Any]:
    weight = trained.model.get_parameter("1.weight").detach()
    with replacing(path) as temporary:
        temporary.write_text(json.dumps({"weight": weight.tolist(), "about": trained.header}))
        check(temporary)
    return {}


def load(path: Path) -> Run:
    weight = np.array(json.loads(path.read_text())["weight"], np.float32)
    return lambda batch: batch.reshape(len(batch), -1) @ weight.T


TEXT = Format("text", ".json", write, load)


@pytest.fixture
def trained() -> Trained:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Flatten(), nn.Linear(12, 3, bias=False))
    return Trained.of(model, preprocess=None, shape=(3, 2, 2), classes=("a", "b", "c"))


def test_a_new_format_is_verified_and_kept(trained: Trained, tmp_path: Path) -> None:
    path = tmp_path / "deep" / "net.json"
    found = export(trained, path, TEXT, batches=(1, 4))
    assert [item.name for item in path.parent.iterdir()] == ["net.json"]
    assert (found.path, found.bytes, found.batches) == (path, path.stat().st_size, (1, 4))
    assert 0 <= found.max_difference <= 1e-5
    about = json.loads(json.loads(path.read_text())["about"])
    assert about == {"format": 1, "classes": ["a", "b", "c"]}


def test_a_format_that_forgets_the_check_is_found(trained: Trained, tmp_path: Path) -> None:
    careless = Format("text", ".json", lambda trained, path, check: {}, load)
    with pytest.raises(AssertionError, match="without a check"):
        export(trained, tmp_path / "net.json", careless)
