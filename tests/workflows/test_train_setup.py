from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from martlet.data.kind import AnyPreprocess
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.workflows import train_setup
from martlet.workflows.run_folder import Run
from martlet.workflows.train_options import TrainOptions

COLOURS = Network("shufflenet_v2_x0_5", num_classes=3, in_chans=3, small_input=True)


def test_weights_for_other_classes_keep_all_but_the_classifier(trained: Run) -> None:
    torch.manual_seed(1)
    network = Network("shufflenet_v2_x0_5", num_classes=5, in_chans=3, small_input=True)
    model = network.build()
    fresh = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    train_setup.transfer(trained.checkpoint, model, network)
    given, _ = checkpoint.load(trained.checkpoint)
    for name, tensor in model.state_dict().items():
        expected = fresh[name] if tensor.shape != given[name].shape else given[name]
        assert torch.equal(tensor, expected), name
    heads = [name for name in fresh if fresh[name].shape != given[name].shape]
    assert len(heads) == 2


@pytest.mark.parametrize(
    ("name", "in_chans", "sentence"),
    [
        ("shufflenet_v2_x1_0", 3, r"holds shufflenet_v2_x0_5, not shufflenet_v2_x1_0"),
        ("shufflenet_v2_x0_5", 1, "of another shape"),
    ],
)
def test_weights_of_another_network_are_refused(
    trained: Run, name: str, in_chans: int, sentence: str
) -> None:
    network = Network(name, num_classes=3, in_chans=in_chans, small_input=True)
    with pytest.raises(MartletError, match=sentence):
        train_setup.transfer(trained.checkpoint, network.build(), network)


def test_the_first_weights_follow_from_the_seed(recipe: object, trained: Run) -> None:
    _, header = checkpoint.load(trained.checkpoint)
    device = torch.device("cpu")
    one, same = (train_setup.build(COLOURS, header.recipe, device, None, False) for _ in range(2))
    for mine, other in zip(one.parameters(), same.parameters(), strict=True):
        assert torch.equal(mine, other)
    convolution = next(p for p in one.parameters() if p.ndim == 4 and p.shape[1] > 1)
    assert convolution.is_contiguous(memory_format=torch.channels_last)


def test_workers_by_device() -> None:
    assert train_setup.choose_workers(None, torch.device("cpu")) == 1
    assert train_setup.choose_workers(0, torch.device("cpu")) == 0
    assert train_setup.choose_workers(None, torch.device("cuda")) >= 1


def run_loss(folder: Path) -> float:
    """Training loss of the first epoch."""
    _, header = checkpoint.load(folder / "resume.safetensors")
    return float(header.state["history"][0]["train_loss"])


@pytest.mark.slow
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
        return train_setup.preprocess_for(TrainOptions(model=model, **options))

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


def test_a_network_of_another_kind_of_data_is_refused() -> None:
    with pytest.raises(MartletError, match=r"takes a cube .* accepts networks that take pictures"):
        train_setup.preprocess_for(TrainOptions(model="hybridsn"))
