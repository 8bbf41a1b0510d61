from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from martlet.data import kinds
from martlet.data.kind import AnyPreprocess
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.models import spec
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.training.recipe import Recipe
from martlet.workflows.run_folder import Run
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.start import Start, start_of

COLOURS = Network("shufflenet_v2_x0_5", num_classes=3, in_chans=3, small_input=True)


def test_the_first_weights_follow_from_the_seed(recipe: object, trained: Run) -> None:
    _, header = checkpoint.load(trained.checkpoint)
    one, same = (train_setup.build(COLOURS, header.recipe) for _ in range(2))
    for mine, other in zip(one.parameters(), same.parameters(), strict=True):
        assert torch.equal(mine, other)
    placed = train_setup.place(one, torch.device("cpu"), 100)
    convolution = next(p for p in placed.parameters() if p.ndim == 4 and p.shape[1] > 1)
    assert convolution.is_contiguous(memory_format=torch.channels_last)


def test_workers_by_device() -> None:
    assert train_setup.choose_workers(None, torch.device("cpu")) == 1
    assert train_setup.choose_workers(0, torch.device("cpu")) == 0
    assert train_setup.choose_workers(None, torch.device("cuda")) >= 1


def run_loss(folder: Path) -> float:
    """Training loss of the first epoch."""
    _, header = checkpoint.load(folder / "resume.safetensors")
    return float(header.state["history"][0]["train_loss"])


@pytest.mark.first
@pytest.mark.long
def test_a_compiled_run_trains_and_resumes_and_loads_like_any_other(
    quick: Callable[..., Run], tmp_path: Path
) -> None:
    if not train_setup.can_compile():
        pytest.skip("no C++ compiler here")
    quick(name="other sizes", compile="on", epochs=1, image_size=24, batch_size=6)
    plain = quick(name="plain", compile="off", epochs=1)
    compiled = quick(name="compiled", compile="on", epochs=1)
    mine, header = checkpoint.load(compiled.checkpoint)
    theirs, _ = checkpoint.load(plain.checkpoint)
    assert header.recipe.compile == "on"
    assert mine.keys() == theirs.keys()
    losses = [run_loss(run.folder) for run in (plain, compiled)]
    assert losses[0] == pytest.approx(losses[1], rel=0.02)  # of three steps; rounding grows fast
    again = quick(name="compiled", compile="on", epochs=1, resume=True)
    assert again.metrics["top1"] == compiled.metrics["top1"]


def test_a_run_prepares_pictures_as_its_first_weights_want_them(
    trained: Run, tmp_path: Path
) -> None:
    def asked(model: str, **options: Any) -> AnyPreprocess:
        given = TrainOptions(model=model, **options)
        return train_setup.preprocess_for(spec(model), given, start_of(given))

    large = asked("shufflenet_v2_x1_5", pretrained=True)
    assert large.resized["side"] == 232  # type: ignore[attr-defined]
    assert asked("shufflenet_v2_x0_5", pretrained=True).resized["side"] == 256  # type: ignore[attr-defined]
    small = asked("shufflenet_v2_x1_5", pretrained=True, image_size=32)
    assert small.to_dict()["crop_pct"] == 1.0
    name = "shufflenet_v2_x0_5"
    assert asked(name) == Preprocess(size=224)
    tensors, header = checkpoint.load(trained.checkpoint)
    settings: dict[str, Any] = {"size": 224, "crop_pct": 0.95, "interpolation": "bicubic"}
    preprocess = Preprocess(**settings, mean=(0.5,) * 3, std=(0.25,) * 3)
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, tensors, replace(header, preprocess=preprocess))
    assert asked(name, weights=path) == preprocess
    assert asked(name, weights=path, channels="L") == Preprocess(**settings, channels="L")
    assert asked(name, weights=trained.folder) == Preprocess(size=224)  # of pictures of 16


def test_a_network_of_another_kind_of_data_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(kinds.KINDS, "series")
    with pytest.raises(
        MartletError, match=r"takes a series .* accepts networks that take pictures"
    ):
        train_setup.preprocess_for(
            spec("shufflenet_series"), TrainOptions(model="shufflenet_series"), Start()
        )


def test_memory_is_asked_for_before_pictures_are_read(
    quick: Callable[..., Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("martlet.workflows.train.setup.available_bytes", lambda: 4 * 10**9)
    monkeypatch.setattr("martlet.memory.available_bytes", lambda: 4 * 10**9)
    monkeypatch.setattr("martlet.workflows.train.prepare.read_samples", None)
    sentence = (
        r"^a step of 8 inputs of 4096×4096 with shufflenet_v2_x0_5 needs \d+\.\d GB of memory at "
        r"least, and 4\.0 GB are free; give a smaller image_size or batch_size\.$"
    )
    with pytest.raises(MartletError, match=sentence):
        quick(image_size=4096)
    with pytest.raises(MartletError, match="a step of 36 inputs"):  # there are no more
        quick(image_size=4096, batch_size=10**9)


def test_what_training_needs_at_least_grows_with_the_batch_alone() -> None:
    network, recipe = Network("shufflenet_v2_x0_5", 3, 3, False), TrainOptions()
    one, two, three = (
        train_setup.training_bytes(network, (3, 224, 224), recipe, batch) for batch in (1, 2, 3)
    )
    assert three - two == two - one > 0
    assert 4e6 < one < 40e6
    kept = {
        name: train_setup.training_bytes(network, (3, 224, 224), TrainOptions(optimizer=name), 0)
        for name in ("sgd", "muon", "adamw", "rmsprop")
    }
    assert kept["sgd"] == kept["muon"]
    assert kept["adamw"] == kept["rmsprop"] == kept["sgd"] * 4 / 3


def test_more_workers_than_cores_are_one_line(
    quick: Callable[..., Run],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """torch's own paragraph would be an error here, as every warning is."""
    monkeypatch.setattr("os.cpu_count", lambda: 1)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {0}, raising=False)
    quick(workers=2, epochs=1, quiet=False)
    assert "workers=2 is more than the cores here (1)" in capsys.readouterr().err


def test_a_step_of_several_batches_and_a_second_rate_are_said(recipe: Recipe) -> None:
    class Batches(list[int]):
        batch_size, workers = 8, 0

    made = replace(recipe, optimizer="muon", muon_lr=0.02, accumulate=4)
    preprocess = Preprocess(size=16, crop_pct=1.0)
    header = checkpoint.Header(COLOURS, ("a", "b", "c"), preprocess, made)
    model = train_setup.build(COLOURS, recipe)
    _, steps = train_setup.told(header, model, Batches(range(9)))  # type: ignore[arg-type]
    assert steps == "3 epochs of 3 steps of 4 × 8, muon, lr 0.1 (matrices 0.02), seed 0"
    plain = replace(header, trained=recipe)
    _, steps = train_setup.told(plain, model, Batches(range(9)))  # type: ignore[arg-type]
    assert steps == "3 epochs of 9 steps of 8, sgd, lr 0.1, seed 0"


def test_padding_as_wide_as_the_input_is_refused() -> None:
    given = TrainOptions(image_size=32, pad_crop=32)
    with pytest.raises(MartletError, match=r"^pad_crop=32 is not less than image_size=32; a tenth"):
        train_setup.preprocess_for(spec("shufflenet_v2_x0_5"), given, start_of(given))
