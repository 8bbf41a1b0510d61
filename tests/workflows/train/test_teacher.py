"""Whose answers a run learns from: `train(teacher=...)`."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import martlet
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.workflows.run_folder import Run
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.plan import make_plan
from martlet.workflows.train.teacher import Taught, learn_from

CPU = torch.device("cpu")


class Colours(nn.Module):
    """Knows the classes of `photos` without training: blue, green and red."""

    def __init__(self, outputs: int = 3) -> None:
        super().__init__()
        self.gain, self.outputs = nn.Parameter(torch.tensor(3.0)), outputs

    def forward(self, x: Tensor) -> Tensor:
        return self.gain * x.mean((2, 3)).flip(1)[:, : self.outputs]


@pytest.fixture
def header(trained: Run) -> Header:
    return checkpoint.load_header(trained.checkpoint)


def taught_by(teacher: Any, header: Header, **options: Any) -> Taught:
    given = TrainOptions(teacher=teacher, given=frozenset(options), **options)
    return learn_from(given, header, CPU)


def changed(trained: Run, folder: Path, **fields: Any) -> Path:
    """The trained checkpoint with another header."""
    tensors, header = checkpoint.load(trained.checkpoint)
    checkpoint.save(folder / "changed.safetensors", tensors, replace(header, **fields))
    return folder / "changed.safetensors"


def test_a_run_answers_as_it_does_alone(trained: Run, header: Header) -> None:
    found = taught_by(trained.folder, header)
    assert found.told == f"teacher: {trained.folder}, 50% of the loss, temperature 4"
    assert found.teacher is not None
    inputs = torch.rand(2, *header.preprocess.shape, generator=torch.Generator().manual_seed(0))
    model, _ = checkpoint.load_model(trained.folder)
    torch.testing.assert_close(found.teacher(inputs), model(inputs).detach())


def test_classes_in_another_order_are_found_by_name(
    trained: Run, header: Header, tmp_path: Path
) -> None:
    inputs = torch.rand(2, *header.preprocess.shape, generator=torch.Generator().manual_seed(0))
    plain = taught_by(trained.folder, header).teacher
    other = taught_by(changed(trained, tmp_path, classes=("red", "blue", "green")), header).teacher
    assert plain is not None
    assert other is not None
    blue, green, red = plain(inputs).T  # as the header has them
    torch.testing.assert_close(other(inputs), torch.stack([green, red, blue], 1))


@pytest.mark.parametrize("kind", ["pictures", "recordings"])
def test_a_teacher_sees_values_scaled_as_its_own(
    trained: Run, header: Header, tmp_path: Path, kind: str
) -> None:
    samples: Any
    mine: Any
    other: Any
    if kind == "pictures":
        mine = header.preprocess
        other = replace(mine, mean=(0.5, 0.4, 0.3), std=(0.1, 0.2, 0.3), crop_pct=0.9, size=24)
        samples = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), np.uint8)
    else:
        mine = SeriesPreprocess(("x", "y"), 50.0, 16, 8, mean=(1.0, 2.0), std=(3.0, 4.0))
        other = replace(mine, mean=(0.5, -1.0), std=(0.5, 8.0), stride=16)
        samples = np.random.default_rng(0).normal(size=(2, 16, 2)).astype(np.float32)
    path = changed(trained, tmp_path, preprocess=other)
    teacher = taught_by(path, replace(header, preprocess=mine)).teacher
    assert teacher is not None
    assert teacher.side == (24 if kind == "pictures" else None)
    seen = replace(teacher, model=nn.Identity(), side=None)(
        torch.from_numpy(mine.normalise(samples))
    )
    expected = replace(other, size=16) if isinstance(other, Preprocess) else other
    torch.testing.assert_close(seen, torch.from_numpy(expected.normalise(samples)))


def test_a_module_is_copied_and_left_as_it_was(header: Header) -> None:
    module = Colours().train()
    found = taught_by(module, header)
    assert found.teacher is not None
    assert found.digest not in ("", taught_by(Colours(), header).digest[:-1])
    assert module.training
    assert module.gain.requires_grad
    assert not found.teacher.model.training
    with torch.no_grad():
        module.gain.fill_(1.0)
    assert taught_by(module, header).digest != found.digest


def test_what_cannot_teach_is_refused(trained: Run, header: Header, tmp_path: Path) -> None:
    def refused(teacher: Any, told: str, **options: Any) -> None:
        with pytest.raises(MartletError, match=told):
            taught_by(teacher, header, **options)

    refused(None, r"^distill_weight=0\.5 is for a run with a teacher; give one", distill_weight=0.5)
    refused(tmp_path / "none", r"none does not exist")
    with pytest.raises(MartletError, match="none does not exist"):  # before the data are read
        make_plan(tmp_path / "nowhere", TrainOptions(teacher=tmp_path / "none"))
    refused(3, r"^teacher=3 is not accepted; give a run folder, its model\.safetensors, or an nn")
    of_others = changed(trained, tmp_path, classes=("red", "green", "pink"))
    refused(of_others, r"knows the classes red, green, pink, and these data have blue, green, red;")
    refused(Colours(2), r"^teacher=Colours answers two inputs with \(2, 2\), not with .* \(2, 3\)")
    refused(nn.Linear(3, 3), r"^teacher=Linear does not take inputs of shape \(2, 3, 16, 16\): ")
    flat = nn.Sequential(nn.Flatten(), nn.Linear(3 * 16 * 16, 3))
    small = replace(header, trained=replace(header.recipe, progressive=0.5))
    told = r"shape \(2, 3, 8, 8\), with which progressive=0\.5 begins; leave progressive out: mat1"
    assert taught_by(flat, header).teacher is not None
    with pytest.raises(MartletError, match=told):
        taught_by(flat, small)
    nn.init.constant_(flat[1].weight, torch.nan)
    refused(flat, r"^teacher=Sequential: 1\.weight is NaN or infinite, so its weights are damaged")
    assert isinstance(header.preprocess, Preprocess)
    gray = replace(header.preprocess, channels="BGR")
    refused(changed(trained, tmp_path, preprocess=gray), r"takes channels BGR, not RGB here; give")


@pytest.mark.slow
def test_a_run_is_resumed_with_the_same_teacher_alone(
    quick: Callable[..., Run], trained: Run, photos: Path
) -> None:
    run = quick(teacher=trained.folder, epochs=1)
    header = checkpoint.load_header(run.checkpoint)
    assert header.teacher == taught_by(trained.folder, header).digest
    assert f"--teacher {trained.folder}" in run.metrics["command"]
    with pytest.raises(MartletError, match=r"other arguments \(then / now\): teacher: other weigh"):
        quick(teacher=Colours(), epochs=1, resume=True)
    with pytest.raises(MartletError, match=r"teacher: other weights, or the file has changed"):
        quick(epochs=1, resume=True)


@pytest.mark.slow
def test_every_option_of_inputs_and_targets_goes_on_bit_for_bit(
    quick: Callable[..., Run], same_weights: Callable[[Path, Path], bool], tmp_path: Path
) -> None:
    options: dict[str, Any] = {
        "teacher": Colours(),
        "mixup": 0.2,
        "cutmix": 1.0,
        "progressive": 0.5,
        "pad_crop": 2,
        "flip_alternating": True,
        "color_jitter": 0.4,
        "rand_augment": 9,
        "repeated_augmentation": 2,
        "workers": 1,
        "epochs": 3,
    }
    whole = quick(name="whole", **options)
    for kept in ("martlet.training.state.State.end_epoch", "martlet.training.loop.isfinite"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("martlet.training.loop.SAVE_SECONDS", 0.0)
            patch.setattr(kept, lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):  # at an epoch's end, and at its first step
                quick(name="broken", **options)
        again = quick(name="broken", resume=True, **options)
        assert same_weights(whole.folder, again.folder)
        shutil.rmtree(tmp_path / "broken")


@pytest.mark.slow
def test_a_teacher_helps_where_labels_are_wrong(
    quick: Callable[..., Run], photos: Path, tmp_path: Path
) -> None:
    """A third of the labels is wrong; whoever learns from a teacher alone does not see them."""
    data = tmp_path / "mislabelled"
    shutil.copytree(photos, data)
    for number in range(0, 12, 3):
        for one, other in (("red", "green"), ("green", "blue"), ("blue", "red")):
            (data / one / f"{number:03}.png").rename(data / other / f"wrong{number:03}.png")
    options: dict[str, Any] = {"epochs": 12, "optimizer": "adamw", "lr": 0.01, "data": data}
    options |= {"val": 0.0}  # whose labels would choose the epoch
    run = quick(teacher=Colours(), distill_weight=1.0, **options)
    scored = martlet.evaluate(run.folder, photos, split="all", quiet=True)
    assert scored["top1"] > 0.9
