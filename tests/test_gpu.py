"""The same verbs on a GPU; skipped where there is none (no machine that runs CI has one)."""

import warnings
from collections.abc import Callable
from linecache import getline
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import martlet
from martlet import Run
from martlet.training import checkpoint

pytestmark = [
    pytest.mark.skipif(not torch.cuda.is_available(), reason="PyTorch finds no GPU here"),
    # Warnings of torch.compile's own (TensorFloat32, its deprecations) are not ours to mend.
    pytest.mark.filterwarnings("ignore:::torch"),
]
Train = Callable[..., Run]

OPTIONS: dict[str, dict[str, Any]] = {
    "plain": {},
    "bfloat16": {"precision": "bfloat16"},
    "compiled": {"compile": "on"},
    "averaged, AdamW": {"ema": 0.9, "optimizer": "adamw"},
    "augmented": {"trivial_augment": True, "erase": 0.5, "drop_rate": 0.2},
    "two workers": {"workers": 2},
}


@pytest.mark.parametrize("name", OPTIONS)
def test_it_learns_and_its_checkpoint_opens_on_a_cpu(quick: Train, photos: Path, name: str) -> None:
    run = quick(device="cuda", **{"epochs": 24, "optimizer": "adamw", "lr": 0.005, **OPTIONS[name]})
    assert run.metrics["top1"] > 0.5
    scored = martlet.evaluate(run.checkpoint, photos, quiet=True)
    assert scored["top1"] == pytest.approx(run.metrics["top1"], abs=0.15)
    model, _ = checkpoint.load_model(run.checkpoint)
    assert next(model.parameters()).device.type == "cpu"


def test_resumed_on_the_gpu_and_on_the_cpu(quick: Train, tmp_path: Path) -> None:
    whole = quick(device="cuda", name="whole", epochs=4)
    for device in ("cuda", "cpu"):
        stopped = quick(device="cuda", name=device, epochs=4)
        before = checkpoint.load(stopped.folder / "resume.safetensors")[0]
        again = quick(device=device, name=device, epochs=4, resume=True)
        after = checkpoint.load(again.folder / "resume.safetensors")[0]
        assert all(torch.equal(before[key], after[key]) for key in before)
        assert again.metrics["top1"] == pytest.approx(whole.metrics["top1"], abs=0.25)


def test_a_step_waits_for_the_gpu_once(quick: Train) -> None:
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            quick(device="cuda", epochs=3, val=0)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    found = {(w.filename, w.lineno) for w in caught if "synchronizing" in str(w.message)}
    lines = {getline(*place).strip() for place in found if place[0].endswith("loop.py")}
    assert len({line for line in lines if ".to(" not in line}) == 1, (
        lines
    )  # copies to it also count


def test_seeded_runs_agree_closely(quick: Train) -> None:
    """Bit for bit is promised on a CPU only; on a GPU the same pictures come in the same order."""
    losses = [quick(device="cuda", name=name, epochs=2).folder / "metrics.csv" for name in "ab"]
    first, second = (path.read_text().splitlines()[1].split(",") for path in losses)
    np.testing.assert_allclose(float(first[2]), float(second[2]), rtol=1e-2)
