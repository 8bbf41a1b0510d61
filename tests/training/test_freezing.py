"""What is frozen, in the network, in the optimiser's groups and in the backward pass."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.to_input import ToInput
from martlet.errors import MartletError
from martlet.models import Classifier, create_model, list_models
from martlet.models.stages import stages
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.freezing import frozen_modules, is_frozen, norms, set_modes
from martlet.training.job import Job
from martlet.training.loop import fit
from martlet.training.optimizer import parameter_groups
from martlet.training.recipe import Recipe
from martlet.training.state import State

NAME = "shufflenet_v2_x0_5"


def network() -> Classifier:
    torch.manual_seed(0)
    return create_model(NAME, num_classes=3, small_input=True)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ("none", 0),
        ("stem", 1),
        (1, 1),
        ("1", 1),
        ("2", 5),
        ("stem, neck", 2),
        ("stage3", 8),
        (5, 18),
        ("backbone", 18),
    ],
)
def test_what_is_frozen(recipe: Recipe, asked: int | str, expected: int) -> None:
    recipe = replace(recipe, freeze=asked)
    assert isinstance(recipe.freeze, str)  # the same from Python, TOML and the command line
    assert len(frozen_modules(network(), recipe.freeze)) == expected


@pytest.mark.parametrize("asked", ["stage1", "0", "6", "classifier", "all", "stem,,neck", "-1"])
def test_names_that_are_no_stage(asked: str) -> None:
    with pytest.raises(MartletError, match=rf"^freeze={asked!r} is not accepted.* stem, stage2, s"):
        frozen_modules(network(), asked)


def test_a_network_without_stages(recipe: Recipe) -> None:
    plain = nn.Sequential(nn.Linear(2, 2))
    with pytest.raises(MartletError, match="freeze='stem' needs stages, and Sequential has none"):
        State(plain, replace(recipe, freeze="stem"))
    with pytest.raises(MartletError, match="lr_decay needs stages"):
        State(plain, replace(recipe, lr_decay=0.5))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"head_epochs": 3}, "head_epochs=3 leaves none of 3 epochs"),
        ({"head_epochs": 1, "freeze": "backbone"}, "exclude each other"),
        ({"head_epochs": -1}, "head_epochs=-1 is not accepted; give 0 or more"),
        ({"lr_decay": 0.0}, "lr_decay=0.0 is not accepted"),
        ({"norm": "froze"}, "did you mean frozen"),
        ({"freeze": 2.5}, "freeze=2.5 is not accepted; give a whole number or text"),
    ],
)
def test_values_that_leave_nothing_to_train(
    recipe: Recipe, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        replace(recipe, **options)  # type: ignore[arg-type]


def step(model: nn.Module, state: State) -> None:
    model(torch.rand(4, 3, 16, 16)).square().sum().backward()
    state.optimizer.step()
    state.optimizer.zero_grad()


def test_frozen_stages_stay_and_end_the_backward_pass(recipe: Recipe) -> None:
    model = network()
    state = State(model, replace(recipe, freeze=3, weight_decay=0.1))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    set_modes(model, head_alone=False)
    maps = {}
    for name in ("stage3", "stage4"):
        getattr(model, name).register_forward_hook(
            lambda _, __, output, name=name: maps.update({name: output.requires_grad})
        )
    step(model, state)
    assert maps == {"stage3": False, "stage4": True}  # no gradient reaches the frozen ones
    for name, tensor in model.state_dict().items():
        frozen = name.startswith(("conv1", "stage2", "stage3"))
        assert torch.equal(tensor, before[name]) == frozen, name


def test_frozen_norm(recipe: Recipe) -> None:
    model = network()
    state = State(model, replace(recipe, norm="frozen"))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    set_modes(model, head_alone=False)
    step(model, state)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]) == (".bn." in name), name


def test_the_head_first(recipe: Recipe) -> None:
    model = network()
    state = State(model, replace(recipe, head_epochs=1))
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    set_modes(model, head_alone=True)
    step(model, state)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name]) != name.startswith("classifier"), name
    set_modes(model, head_alone=False)
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert all(module.training for module in model.modules())
    for _ in range(2):  # a fused step takes weights with and without a momentum
        step(model, state)
    assert not torch.equal(model.conv1.conv.weight, before["conv1.conv.weight"])


def test_rates_by_depth(recipe: Recipe) -> None:
    model = network()
    groups = parameter_groups(model, replace(recipe, lr_decay=0.5))
    rates = {p: group["peak_lr"] for group in groups for p in group["params"]}
    found = [rates[next(model.get_submodule(s.modules[0]).parameters())] for s in stages(model)]
    assert found == [0.1 * 0.5**depth for depth in (5, 4, 3, 2, 1)]
    assert rates[model.classifier.weight] == 0.1


@pytest.mark.slow
@pytest.mark.parametrize("name", list_models())
def test_groups_of_every_network(recipe: Recipe, name: str) -> None:
    """Every parameter is in one group, frozen ones in none."""
    with torch.device("meta"):
        model = create_model(name)
        options = {"lr_decay": 0.7, "head_epochs": 1, "optimizer": "muon", "muon_lr": 0.02}
        state = State(model, replace(recipe, freeze=2, norm="frozen", **options))
    grouped = [id(p) for group in state.optimizer.param_groups for p in group["params"]]
    names = {name for stage in stages(model)[:2] for name in stage.modules}
    kept = {id(p) for name in names for p in model.get_submodule(name).parameters()}
    kept |= {id(p) for module in norms(model) for p in module.parameters()}
    assert len(grouped) == len(set(grouped))
    assert set(grouped) == {id(p) for p in model.parameters()} - kept
    assert all(is_frozen(module) for module in norms(model))


PREPROCESS = Preprocess(size=16, crop_pct=1.0)


def batches(first: int, count: int) -> list[tuple[Tensor, Tensor]]:
    made = []
    for number in range(first, first + count):
        generator = torch.Generator().manual_seed(number)
        pixels = torch.randint(0, 256, (6, 16, 16, 3), dtype=torch.uint8, generator=generator)
        made.append((pixels, torch.randint(0, 3, (6,), generator=generator)))
    return made


class Loader:
    """Two batches an epoch, which follow from epoch and number."""

    def __len__(self) -> int:
        return 2

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        return iter(batches(10 * epoch, 2)[first:])


def fitted(recipe: Recipe, folder: Path, stop_after: int = 0) -> dict[str, Tensor]:
    """What a run leaves, which another process's State goes on with where it is stopped."""
    header = Header(Network(NAME, 3, 3, True), ("a", "b", "c"), PREPROCESS, recipe)
    given = {"val": batches(100, 1), "measured": batches(200, 2), "folder": folder}
    job = Job(header, Loader(), to_input=ToInput(PREPROCESS), **given)  # type: ignore[arg-type]
    state = State(network(), recipe)
    for number, _ in enumerate(fit(job, state)):
        job.stop.requested |= number + 1 == stop_after
    path = folder / "resume.safetensors"
    if stop_after:
        job.stop.requested = False
        state = State(network(), recipe)
        state.restore(path, *checkpoint.load(path))
        list(fit(job, state))
    return checkpoint.load(path)[0]


SETS = (
    {"head_epochs": 1, "lr_decay": 0.5, "norm": "recalibrated"},
    {"head_epochs": 1, "optimizer": "adamw", "ema": 0.9},
    {"freeze": "2", "norm": "frozen", "ema": 0.9},
    {"freeze": "backbone", "lr_decay": 0.5, "momentum": 0.0},
    {"freeze": "stem", "head_epochs": 1, "optimizer": "muon", "muon_lr": 0.02},
    {"norm": "frozen", "head_epochs": 1, "optimizer": "rmsprop"},
)
STOPS = (1, 3, 4)  # within the first epoch, at its end, and within the second


@pytest.mark.parametrize(
    ("options", "stops"),
    [
        (SETS[0], STOPS[:1]),
        *(pytest.param(options, STOPS, marks=pytest.mark.slow) for options in SETS),
    ],
)
def test_stopping_anywhere_and_going_on_gives_the_same_weights(
    recipe: Recipe, tmp_path: Path, options: dict[str, object], stops: tuple[int, ...]
) -> None:
    recipe = replace(recipe, epochs=2, lr=0.02, **options)  # type: ignore[arg-type]
    expected = fitted(recipe, tmp_path / "whole")
    for stop_after in stops:
        found = fitted(recipe, tmp_path / str(stop_after), stop_after)
        assert all(torch.equal(found[name], expected[name]) for name in expected), stop_after


def test_recalibrated_statistics_are_those_of_the_scored_pictures(
    recipe: Recipe, tmp_path: Path
) -> None:
    recipe = replace(recipe, epochs=1, norm="recalibrated")
    left = fitted(recipe, tmp_path)
    pixels = torch.cat([ToInput(PREPROCESS)(samples) for samples, _ in batches(200, 2)])
    model = network()
    model.load_state_dict(checkpoint.part(left, "model"))
    expected = model.conv1.conv(pixels).mean((0, 2, 3))
    torch.testing.assert_close(model.conv1.bn.running_mean, expected, atol=1e-5, rtol=1e-4)
