"""When pixels train and are scored within tiles; what comes out is what windows give."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from tests.data.scenes.test_kind import GIVEN, write_scene
from torch import nn

import martlet
from martlet.data.batches import EvalBatches
from martlet.data.scenes import kind
from martlet.data.scenes.samples import SceneSamples
from martlet.data.scenes.tiles import StripBatches
from martlet.data.scenes.to_input import ToInput
from martlet.errors import MartletError
from martlet.models import create_model
from martlet.training import checkpoint
from martlet.training.evaluate import predict_logits
from martlet.training.job import Step
from martlet.training.loop import fit
from martlet.training.recipe import Recipe
from martlet.workflows.train import prepare
from martlet.workflows.train import run as train_run
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.tiles import scored_batches, through, tiles_for

RECIPE = Recipe(batch_size=64, flip=False)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def samples(files: tuple[Path, Path]) -> SceneSamples:
    options = TrainOptions(**{**GIVEN, "labels": files[1], "bands_axis": 2})
    plan = kind.prepare(options, None, {})
    read = kind.read(files[0], plan, options=options, max_bad=0, min_classes=2, progress=None)
    return read.fit(plan, range(200))


@pytest.fixture(scope="module")
def model() -> nn.Module:
    torch.manual_seed(0)
    return create_model("hybridsn", num_classes=3, in_chans=13, window=9)


def tiles(
    model: nn.Module, samples: SceneSamples, indices: Any, recipe: Recipe = RECIPE
) -> int | None:
    """The side of the tiles that are taken."""
    found = tiles_for(model, samples, np.asarray(samples.labels), indices, recipe)
    return None if found is None else found.side


def test_tiles_are_taken_where_they_hold_many_of_the_pixels(
    model: nn.Module, samples: SceneSamples
) -> None:
    everywhere, sparse = range(len(samples)), range(0, len(samples), 40)
    assert tiles(model, samples, everywhere) is not None
    assert tiles(model, samples, sparse) is None
    assert tiles(model, samples, sparse, replace(RECIPE, tiles="on")) is not None
    assert tiles(model, samples, everywhere, replace(RECIPE, tiles="off")) is None
    assert tiles(model, samples, everywhere, replace(RECIPE, compile="on")) is None
    with pytest.raises(MartletError, match="tiles='on' and compile='on' exclude each other"):
        tiles(model, samples, everywhere, replace(RECIPE, compile="on", tiles="on"))
    with pytest.raises(
        MartletError, match=r"tiles='on' and mixup=0\.2 exclude each other: windows"
    ):
        tiles(model, samples, everywhere, replace(RECIPE, mixup=0.2, tiles="on"))
    assert tiles(model, samples, everywhere, replace(RECIPE, mixup=0.2)) is None
    assert tiles(model, samples, everywhere, replace(RECIPE, flip=True)) is None
    assert tiles(model, samples, everywhere, replace(RECIPE, flip=True, tiles="on")) is not None


def test_other_networks_go_window_by_window(samples: SceneSamples) -> None:
    other = nn.Sequential(nn.Flatten(), nn.Linear(13 * 81, 3))
    assert tiles(other, samples, range(len(samples))) is None
    with pytest.raises(MartletError, match="tiles='on' is for HybridSN"):
        tiles(other, samples, range(len(samples)), replace(RECIPE, tiles="on"))
    assert through(other) is other
    assert samples.preprocess is not None
    batches = scored_batches(other, samples, np.arange(9), range(9), samples.preprocess)
    assert isinstance(batches, EvalBatches)


def test_scores_are_those_of_the_windows_in_their_order(
    model: nn.Module, samples: SceneSamples
) -> None:
    targets, to_input = np.arange(len(samples)), ToInput()
    assert samples.preprocess is not None
    strips = scored_batches(model, samples, targets, range(len(samples)), samples.preprocess)
    assert isinstance(strips, StripBatches)
    few = scored_batches(model, samples, targets, [0, 700, 1400], samples.preprocess)
    assert isinstance(few, EvalBatches)
    found, order = predict_logits(through(model), strips, to_input)
    assert order.tolist() == targets.tolist()
    chosen = [0, 3, 700, 1400]
    windows = EvalBatches(samples, targets, chosen, preprocess=samples.preprocess, batch_size=3)
    right, _ = predict_logits(model, windows, to_input)
    np.testing.assert_allclose(found[chosen], right, atol=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("way", ["on", "off", "mixed"])
def test_a_run_that_was_stopped_ends_with_the_same_weights(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    given: dict[str, Any] = {
        **GIVEN, "labels": files[1], "bands_axis": 2, "folder": tmp_path, "epochs": 2,
        "tiles": way, "workers": 0, "ema": 0.9,
    }  # fmt: skip
    if way == "mixed":  # window by window, and taught
        given |= {"tiles": "auto", "mixup": 0.3}
        given["teacher"] = martlet.train(files[0], name="teacher", **given).folder
    if way == "on":  # tiles are not compiled, however long the run
        monkeypatch.setattr(prepare, "COMPILE_PAYS_FROM_MACS", 0)
        monkeypatch.setattr(prepare.train_setup, "can_compile", lambda: True)
    whole = martlet.train(files[0], name="whole", **given)
    assert checkpoint.load_header(whole.checkpoint).recipe.compile == "off"

    def stopped(job: Any, state: Any) -> Any:
        for event in fit(job, state):
            job.stop.requested = isinstance(event, Step) and (event.epoch, event.batch) == (1, 2)
            yield event

    with monkeypatch.context() as patched:
        patched.setattr(train_run, "fit", stopped)
        with pytest.raises(KeyboardInterrupt):
            martlet.train(files[0], name="stopped", **given)
    gone_on = martlet.train(files[0], name="stopped", resume=True, **given)
    tensors = [checkpoint.load(run.folder / "resume.safetensors")[0] for run in (whole, gone_on)]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(tensors[0][name], tensors[1][name]) for name in tensors[0])
    assert not any(name.startswith("model.network.") for name in tensors[0])
    assert whole.metrics["top1"] == gone_on.metrics["top1"]
