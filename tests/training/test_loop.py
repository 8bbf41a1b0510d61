"""The loop on a network of a few weights and made-up batches."""

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.to_input import ToInput
from martlet.errors import MartletError
from martlet.tasks.classification import CLASSIFICATION
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.distillation import Teacher
from martlet.training.job import EpochEnd, Job, Step
from martlet.training.loop import fit, train_step
from martlet.training.mixing import Mixing
from martlet.training.recipe import Recipe
from martlet.training.state import State

PREPROCESS = Preprocess(size=4, crop_pct=1.0)
BATCHES = 5


def batch(seed: int) -> tuple[Tensor, Tensor]:
    """Eight pictures; the class is whether red outweighs blue."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (8, 4, 4, 3), dtype=torch.uint8, generator=generator)
    labels = (pixels[..., 0].sum((1, 2)) > pixels[..., 2].sum((1, 2))).long()
    return pixels, labels


class Loader:
    """Stands in for TrainLoader: the batches follow from epoch and number."""

    def __len__(self) -> int:
        return BATCHES

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        return (batch(100 * epoch + number) for number in range(first, BATCHES))


class TinyNetwork(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(
            nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(),
            nn.Linear(24, 2),
        )  # fmt: skip


@dataclass
class Setting:
    job: Job
    state: State


@pytest.fixture
def setting(recipe: Recipe, tmp_path: Path) -> Setting:
    header = Header(Network("tiny", 2, 3, False), ("a", "b"), PREPROCESS, recipe)
    val = [batch(-1), batch(-2)]
    job = Job(header, Loader(), val, tmp_path, ToInput(PREPROCESS))  # type: ignore[arg-type]
    torch.manual_seed(0)
    return Setting(job, State(TinyNetwork(), recipe))


def last(folder: Path) -> dict[str, Tensor]:
    return checkpoint.load(folder / "resume.safetensors")[0]


def test_a_step_for_every_batch_and_an_end_for_every_epoch(setting: Setting) -> None:
    events = list(fit(setting.job, setting.state))
    steps = [event for event in events if isinstance(event, Step)]
    ends = [event for event in events if isinstance(event, EpochEnd)]
    assert [(s.epoch, s.batch) for s in steps] == [(e, b + 1) for e in range(3) for b in range(5)]
    assert [end.row["epoch"] for end in ends] == [1, 2, 3]
    assert ends[0].best
    assert events.index(ends[0]) == BATCHES
    assert all(0 <= s.means["top1"] <= 1 and s.samples == 8 for s in steps)


def test_model_safetensors_is_the_best_epoch_not_the_last(setting: Setting) -> None:
    kept: dict[int, dict[str, Tensor]] = {}
    for event in fit(setting.job, setting.state):
        if isinstance(event, EpochEnd):
            state = setting.state.model.state_dict()
            kept[int(event.row["epoch"])] = {name: t.clone() for name, t in state.items()}
    best = int(setting.state.best_row(CLASSIFICATION.better)["epoch"])
    tensors, header = checkpoint.load(setting.job.folder / "model.safetensors")
    assert header.metrics["epoch"] == best
    assert all(torch.equal(tensors[name], kept[best][name]) for name in tensors)


def trained(job: Job, start: dict[str, Tensor], stop_after: int = 0) -> State:
    """From these weights to the end, resumed by another process's State where it is stopped."""
    state = State(TinyNetwork(), job.recipe)
    for network in (state.model, state.averaged):
        network.load_state_dict(start)
    for number, _ in enumerate(fit(job, state)):
        job.stop.requested |= number + 1 == stop_after
    if stop_after:
        job.stop.requested = False
        path = job.folder / "resume.safetensors"
        state = State(TinyNetwork(), job.recipe)
        state.restore(path, *checkpoint.load(path))
        list(fit(job, state))
    return state


def test_stopping_anywhere_and_going_on_gives_the_same_weights(
    setting: Setting, tmp_path: Path
) -> None:
    start = copy.deepcopy(setting.state.model.state_dict())
    state = trained(setting.job, start)
    expected = last(tmp_path)
    for stop_after in (1, 4, 5, 9):
        job = replace(setting.job, folder=tmp_path / str(stop_after))
        resumed = trained(job, start, stop_after)
        found = last(job.folder)
        assert all(torch.equal(found[name], expected[name]) for name in expected), stop_after
        assert resumed.history[-1]["train_loss"] == state.history[-1]["train_loss"]


@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "rmsprop", "lr": 0.01, "schedule": "linear"},
        {"optimizer": "rmsprop", "momentum": 0.0, "lr": 0.01, "schedule": "constant"},
        {"optimizer": "adamw", "lr": 0.01, "ema": 0.9, "final_lr": 0.1},
        {"optimizer": "muon", "muon_lr": 0.02, "schedule": "step", "step_epochs": 0.5},
        {"optimizer": "muon", "muon_lr": 0.02, "momentum": 0.0, "decay_depthwise": False},
        {"accumulate": 2, "ema": 0.99, "clip_grad": 0.1, "precision": "bfloat16"},
        {"accumulate": 4, "optimizer": "adamw", "lr": 0.01, "precision": "bfloat16"},
        {"accumulate": 9, "optimizer": "muon", "muon_lr": 0.02, "clip_grad": 1.0},
    ],
)
def test_all_that_moves_weights_goes_on_bit_for_bit(
    setting: Setting, tmp_path: Path, options: dict[str, Any]
) -> None:
    recipe = replace(setting.job.recipe, epochs=2, **options)
    job = replace(setting.job, header=replace(setting.job.header, trained=recipe))
    start = copy.deepcopy(setting.state.model.state_dict())
    plain = trained(job, start)
    expected = last(tmp_path)
    again = replace(job, folder=tmp_path / "again")
    resumed = trained(again, start, 3)
    found = last(again.folder)
    assert found.keys() == expected.keys()
    assert all(torch.equal(found[name], expected[name]) for name in expected)
    assert resumed.history[-1]["lr"] == plain.history[-1]["lr"]
    assert not torch.equal(found["model.0.weight"], start["0.weight"])


class Smooth(nn.Sequential):
    """Nothing in it depends on a batch or on chance."""

    def __init__(self) -> None:
        super().__init__(nn.Conv2d(3, 6, 3), nn.Flatten(), nn.Linear(24, 2))


def test_several_batches_of_a_step_are_as_one_of_their_size(setting: Setting) -> None:
    class Pairs(Loader):
        """The first four batches, two by two."""

        def __len__(self) -> int:
            return 2

        def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
            for number in range(first, 2):
                pairs = zip(*(batch(10 * epoch + 2 * number + i) for i in (0, 1)), strict=True)
                yield tuple(map(torch.cat, pairs))

    class Halves(Pairs):
        def __len__(self) -> int:
            return 4

        def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
            return (batch(10 * epoch + number) for number in range(first, 4))

    found = []
    start = Smooth().state_dict()
    for loader, accumulate in ((Pairs(), 1), (Halves(), 2), (Halves(), 1)):
        recipe = replace(setting.job.recipe, accumulate=accumulate, ema=0.5, clip_grad=0.2)
        job = replace(setting.job, header=replace(setting.job.header, trained=recipe), train=loader)
        state = State(Smooth(), recipe)
        for network in (state.model, state.averaged):
            network.load_state_dict(start)
        list(fit(job, state))
        found.append((state.averaged.state_dict(), [row["lr"] for row in state.history]))
    (whole, rates), (halves, same), (alone, _) = found
    assert same == rates
    for name in whole:
        torch.testing.assert_close(halves[name], whole[name])
    assert not torch.allclose(alone["0.weight"], whole["0.weight"], rtol=0.01)


def test_a_stop_between_two_batches_of_a_step_waits_for_its_end(setting: Setting) -> None:
    recipe = replace(setting.job.recipe, accumulate=2)
    job = replace(setting.job, header=replace(setting.job.header, trained=recipe))
    job.stop.requested = True
    steps = list(fit(job, setting.state))
    assert len(steps) == setting.state.batch == 2
    path = job.folder / "resume.safetensors"
    tensors, header = checkpoint.load(path)
    odd = header.with_state({**header.state, "batch": 1})
    with pytest.raises(MartletError, match="its counters contradict each other"):
        State(TinyNetwork(), recipe).restore(path, tensors, odd)


@pytest.mark.parametrize("most", [0.05, 1e6])
def test_gradients_are_scaled_down_to_a_norm(setting: Setting, most: float) -> None:
    state, pixels = setting.state, setting.job.to_input(batch(0)[0])
    norms = []
    for clip in (0.0, most):
        recipe = replace(setting.job.recipe, clip_grad=clip)
        torch.manual_seed(0)
        start = copy.deepcopy(state.model.state_dict())
        train_step(state.model, CLASSIFICATION, state.optimizer, recipe, pixels, batch(0)[1])
        state.model.load_state_dict(start)
        grads = [weight.grad for weight in state.model.parameters() if weight.grad is not None]
        norms.append(float(torch.nn.utils.get_total_norm(grads)))
    assert norms[1] == pytest.approx(min(norms[0], most), rel=1e-4)
    assert norms[0] > 0.05


def test_early_stop_ends_the_run_and_keeps_the_best(setting: Setting) -> None:
    """Weights that do not move: no epoch is better than the first one."""
    recipe = replace(setting.job.recipe, epochs=9, early_stop=2, lr=1e-30, weight_decay=0.0)
    job = replace(setting.job, header=replace(setting.job.header, trained=recipe))
    state = State(Smooth(), recipe)
    assert not state.ended(recipe, job.task.better)
    ends = [event for event in fit(job, state) if isinstance(event, EpochEnd)]
    assert [end.best for end in ends] == [True, False, False]
    assert state.ended(recipe, job.task.better)
    assert list(fit(job, state)) == []
    assert checkpoint.load(job.folder / "model.safetensors")[1].metrics["epoch"] == 1


def test_a_damaged_state_of_an_optimiser_is_refused(setting: Setting) -> None:
    recipe = replace(setting.job.recipe, epochs=1, optimizer="rmsprop", lr=0.01)
    job = replace(setting.job, header=replace(setting.job.header, trained=recipe))
    trained(job, setting.state.model.state_dict())
    path = job.folder / "resume.safetensors"
    tensors, header = checkpoint.load(path)
    names = [name for name in tensors if name.startswith("optimizer.")]
    assert {name.split(".")[2] for name in names} == {"square_avg", "momentum_buffer"}
    damages: list[tuple[dict[str, Tensor | None], str]] = [
        ({"optimizer.0.square_avg": None}, "the optimiser's state is not complete"),
        ({"optimizer.0.square_avg": torch.ones(3)}, r"optimizer\.0\.square_avg has the shape"),
        (dict.fromkeys(names), "the optimiser's state is missing"),
    ]
    for changes, sentence in damages:
        odd = {name: tensor for name, tensor in (tensors | changes).items() if tensor is not None}
        with pytest.raises(MartletError, match=sentence):
            State(TinyNetwork(), recipe).restore(path, odd, header)


def test_nan_in_the_loss_stops_and_keeps_the_last_good_checkpoint(setting: Setting) -> None:
    def break_after_seven_steps() -> None:
        for number, _ in enumerate(fit(setting.job, setting.state)):
            if number == 7:  # five steps, the epoch's end, two steps
                with torch.no_grad():
                    setting.state.model[5].weight.fill_(float("nan"))

    with pytest.raises(MartletError, match=r"loss became NaN .* step 7 \(epoch 2, batch 3\)"):
        break_after_seven_steps()
    assert all(tensor.isfinite().all() for tensor in last(setting.job.folder).values())


def test_averaged_weights_follow_their_formula(recipe: Recipe) -> None:
    state = State(nn.Linear(1, 1), replace(recipe, ema=0.9))
    assert state.ema is not None
    with torch.no_grad():
        state.ema.weight.fill_(0.0)
        state.model.weight.fill_(1.0)
    state.average(0.9, step=0)  # (1 + 0) / (10 + 0)
    assert state.ema.weight.item() == pytest.approx(0.9)
    state.average(0.9, step=10**6)
    assert state.ema.weight.item() == pytest.approx(0.9 * 0.9 + 0.1)
    assert state.averaged is state.ema


def test_a_decay_for_long_runs_leaves_the_start_of_a_short_one_behind(recipe: Recipe) -> None:
    """0.999 in 300 steps: nothing of the first weights is left, and little of the first 200."""
    state = State(nn.Linear(1, 1), replace(recipe, ema=0.999))
    assert state.ema is not None
    with torch.no_grad():
        for step in range(300):
            state.model.weight.fill_(-1.0 if step < 200 else 1.0)
            state.average(0.999, step)
    assert 0.94 < state.ema.weight.item() < 0.96


def test_bfloat16_and_float32_differ_a_little(setting: Setting, tmp_path: Path) -> None:
    start = copy.deepcopy(setting.state.model.state_dict())
    trained(setting.job, start)
    exact = last(tmp_path)
    recipe = replace(setting.job.recipe, precision="bfloat16")
    header = replace(setting.job.header, trained=recipe)
    job = replace(setting.job, header=header, folder=tmp_path / "half")
    trained(job, start)
    name = "model.0.weight"
    found = last(job.folder)[name]
    assert found.dtype == torch.float32
    assert not torch.equal(found, exact[name])
    torch.testing.assert_close(found, exact[name], atol=0.05, rtol=0.2)


class Watched(Tensor):
    """Counts how often a value is read, for which a device would have to be waited for."""

    reads = 0

    @classmethod
    def __torch_function__(cls, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func in (Tensor.item, Tensor.tolist, Tensor.__int__, Tensor.__float__, Tensor.__bool__):
            cls.reads += 1
        return super().__torch_function__(func, types, args, kwargs or {})


def test_a_step_reads_from_the_device_once(setting: Setting) -> None:
    pixels, labels = batch(0)
    inputs = setting.job.to_input(pixels).as_subclass(Watched)
    state, recipe = setting.state, replace(setting.job.recipe, clip_grad=0.1)
    train_step(state.model, CLASSIFICATION, state.optimizer, recipe, inputs, labels)
    assert Watched.reads == 1


def goes_on_bit_for_bit(job: Job, start: dict[str, Tensor], folder: Path) -> dict[str, Tensor]:
    """The last weights of the job, after it was seen that stopping does not change them."""
    found = []
    for stop_after in (0, 2):
        one = replace(job, folder=folder / str(stop_after))
        trained(one, start, stop_after)
        found.append(last(one.folder))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    return found[0]


@pytest.mark.parametrize("alphas", [(0.5, 0.0), (0.0, 1.0), (0.5, 1.0)])
def test_mixed_batches_go_on_bit_for_bit(
    setting: Setting, tmp_path: Path, alphas: tuple[float, float]
) -> None:
    start = copy.deepcopy(setting.state.model.state_dict())
    trained(setting.job, start)
    plain = last(tmp_path)
    mixed = replace(setting.job, transform=Mixing(*alphas, outputs=2))
    found = goes_on_bit_for_bit(mixed, start, tmp_path)
    assert not all(torch.equal(found[name], plain[name]) for name in plain)


def test_a_teacher_is_learnt_from_and_goes_on_bit_for_bit(setting: Setting, tmp_path: Path) -> None:
    """With all of the loss its own, labels are of no account."""
    recipe = replace(setting.job.recipe, distill_weight=1.0)
    header = replace(setting.job.header, trained=recipe)
    teacher = TinyNetwork().eval()
    job = replace(setting.job, header=header, teacher=Teacher(teacher))
    start = copy.deepcopy(setting.state.model.state_dict())
    expected = goes_on_bit_for_bit(job, start, tmp_path)

    def wrong(inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        return inputs, 1 - targets

    trained(replace(job, transform=wrong, folder=tmp_path / "wrong"), start)
    found = last(tmp_path / "wrong")
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_training_that_grows_its_inputs_ends_with_full_ones(setting: Setting) -> None:
    sides: list[int] = []

    class Pooled(TinyNetwork):
        def forward(self, x: Tensor) -> Tensor:
            if self.training and torch.is_grad_enabled():
                sides.append(x.shape[-1])
            return super().forward(nn.functional.adaptive_avg_pool2d(x, 4))

    preprocess = Preprocess(size=16, crop_pct=1.0)
    recipe = replace(setting.job.recipe, progressive=0.5)
    header = replace(setting.job.header, trained=recipe, preprocess=preprocess)
    large = [(p.repeat_interleave(4, 1).repeat_interleave(4, 2), t) for p, t in [batch(0)] * 5]

    class Large(Loader):
        def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
            return iter(large[first:])

    job = replace(setting.job, header=header, train=Large(), val=None, to_input=ToInput(preprocess))  # type: ignore[arg-type]
    list(fit(job, State(Pooled(), recipe)))
    assert sides == [8, 8, 8, 12, 12, 12, 12, 12, 16, 16, 16, 16, 16, 16, 16]
