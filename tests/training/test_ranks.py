"""Two processes, forked, train a network of a few weights as one process does."""

import os
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.to_input import ToInput
from martlet.data.share import Share
from martlet.errors import MartletError
from martlet.training import accumulation, checkpoint, loop
from martlet.training.checkpoint import Header, Network
from martlet.training.job import EpochEnd, Job
from martlet.training.loop import fit
from martlet.training.ranks import ONE_PROCESS, LostError, Ranks
from martlet.training.recipe import Recipe
from martlet.training.reducer import Reducer
from martlet.training.state import State
from martlet.training.sync_batch_norm import synchronised

Together = Callable[..., list[Any]]
PREPROCESS = Preprocess(size=4, crop_pct=1.0)
BATCHES = 5


def batch(seed: int) -> tuple[Tensor, Tensor]:
    """Twelve pictures; the class is whether red outweighs blue."""
    generator = torch.Generator().manual_seed(seed)
    pixels = torch.randint(0, 256, (12, 4, 4, 3), dtype=torch.uint8, generator=generator)
    labels = (pixels[..., 0].sum((1, 2)) > pixels[..., 2].sum((1, 2))).long()
    return pixels, labels


@dataclass
class Loader:
    """Stands in for TrainLoader: the batches follow from epoch and number."""

    share: Share
    broken: int = -1  # the batch that cannot be read

    def __len__(self) -> int:
        return BATCHES

    def epoch(self, epoch: int, first: int = 0) -> Iterator[tuple[Tensor, Tensor]]:
        for number in range(first, BATCHES):
            if number == self.broken:
                raise MartletError("a.png cannot be read.")
            pixels, labels = batch(100 * epoch + number)
            places = self.share.of(len(labels))
            yield pixels[places], labels[places]


def network(norm: bool, seed: int = 0) -> nn.Module:
    torch.manual_seed(seed)
    middle = nn.BatchNorm2d(6) if norm else nn.Identity()
    return nn.Sequential(
        nn.Conv2d(3, 6, 3), middle, nn.ReLU(), nn.Flatten(), nn.Linear(24, 2)
    )  # fmt: skip


def train(
    folder: Path,
    recipe: Recipe,
    ranks: Ranks = ONE_PROCESS,
    *,
    norm: bool = False,
    watch: Callable[[int, Job], None] = lambda number, job: None,
    broken: int = -1,
    resume: bool = False,
) -> State:
    """Run the loop to its end; all processes have the same folder, and one writes there."""
    folder.mkdir(exist_ok=True)
    model = network(norm)
    model = synchronised(model, ranks) if recipe.sync_batch_norm else model
    state = State(model, recipe, ranks.count)
    if resume:
        path = folder / "resume.safetensors"
        state.restore(path, *checkpoint.load(path))
    header = Header(Network("tiny", 2, 3, False), ("a", "b"), PREPROCESS, recipe)
    val = [batch(-1), batch(-2), batch(-3)]
    loader: Any = Loader(ranks.share, broken)
    job = Job(header, loader, val, folder, ToInput(PREPROCESS), ranks=ranks)
    for number, event in enumerate(fit(job, state)):
        if isinstance(event, EpochEnd):
            assert 0 <= event.row["train_top1"] <= 1
        watch(number, job)
    return state


def left(folder: Path) -> dict[str, Tensor]:
    return checkpoint.load(folder / "resume.safetensors")[0]


def history(folder: Path) -> list[dict[str, float]]:
    rows = checkpoint.load_header(folder / "resume.safetensors").state["history"]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.mark.parametrize("count", [2, 3])
def test_several_processes_end_with_the_weights_of_one(
    together: Together, recipe: Recipe, tmp_path: Path, count: int
) -> None:
    recipe = replace(recipe, ema=0.9, accumulate=2, clip_grad=1.0)
    train(tmp_path / "one", recipe)
    together(lambda ranks: train(tmp_path / "many", recipe, ranks) and None, count)
    one, many = left(tmp_path / "one"), left(tmp_path / "many")
    assert one.keys() == many.keys()
    for name in one:
        torch.testing.assert_close(many[name], one[name], rtol=0, atol=1e-5)
    for mine, theirs in zip(history(tmp_path / "one"), history(tmp_path / "many"), strict=True):
        assert theirs == pytest.approx(mine, abs=1e-5)
        assert theirs["train_top1"] == mine["train_top1"]
        assert theirs["val_top1"] == mine["val_top1"]


def test_synchronised_batch_norm_is_that_of_the_whole_batch(
    together: Together, recipe: Recipe, tmp_path: Path
) -> None:
    """Off by rounding in sums of another order; each process's own statistics are far off."""
    train(tmp_path / "one", recipe, norm=True)
    one, found = left(tmp_path / "one"), {}
    for synced in (True, False):
        given = replace(recipe, sync_batch_norm=synced)
        folder = tmp_path / f"synced{synced}"
        together(lambda ranks, g=given, f=folder: train(f, g, ranks, norm=True) and None)
        two = left(folder)
        found[synced] = max(float((two[name] - one[name]).abs().max()) for name in one)
    assert found[True] < 2e-5 < 1e-3 < found[False]


def weights_of(ranks: Ranks, folder: Path, recipe: Recipe) -> list[Any]:
    state = train(folder, recipe, ranks, norm=True)
    return [tensor.numpy() for tensor in state.averaged.state_dict().values()]


def test_all_processes_end_alike(together: Together, recipe: Recipe, tmp_path: Path) -> None:
    """Weights, statistics of batch norm, averaged weights: whichever writes, writes the same."""
    given = replace(recipe, ema=0.9)
    first, second = together(lambda ranks: weights_of(ranks, tmp_path / "run", given))
    assert all(np.array_equal(*pair) for pair in zip(first, second, strict=True))


@pytest.mark.parametrize("step", [4, *(pytest.param(n, marks=pytest.mark.slow) for n in (1, 5, 8))])
def test_stopped_in_one_process_and_resumed(
    together: Together, recipe: Recipe, tmp_path: Path, step: int
) -> None:
    """A signal comes to one first: all stop behind the same step."""

    def stop(ranks: Ranks) -> Callable[[int, Job], None]:
        def ask(number: int, job: Job) -> None:
            job.stop.requested |= number + 1 == step and not ranks.first

        return ask

    def stopped(ranks: Ranks) -> tuple[int, int]:
        state = train(tmp_path / "stopped", recipe, ranks, norm=True, watch=stop(ranks))
        return state.epoch, state.batch

    together(lambda ranks: train(tmp_path / "whole", recipe, ranks, norm=True) and None)
    first, second = together(stopped)
    assert first == second
    assert first < (recipe.epochs, 0)
    together(
        lambda ranks: train(tmp_path / "stopped", recipe, ranks, norm=True, resume=True) and None
    )
    whole, again = left(tmp_path / "whole"), left(tmp_path / "stopped")
    assert all(torch.equal(whole[name], again[name]) for name in whole)
    assert history(tmp_path / "whole") == history(tmp_path / "stopped")


@pytest.mark.parametrize(
    ("early", "options"),
    [
        (False, {"accumulate": 2}),
        *(
            pytest.param(*each, marks=pytest.mark.slow)
            for each in ((True, {}), (False, {"sync_batch_norm": True}), (True, {"accumulate": 2}))
        ),
    ],
)
def test_a_killed_process_ends_the_others_with_a_checkpoint(
    together: Together, recipe: Recipe, tmp_path: Path, early: bool, options: dict[str, Any]
) -> None:
    """early: between two batches, not between the forward pass and the mean of the gradients."""
    recipe = replace(recipe, **options)
    together(lambda ranks: train(tmp_path / "whole", recipe, ranks, norm=True) and None)

    def kill(*_: object) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    def die(number: int, job: Job) -> None:
        if number == 8 and not job.ranks.first:  # five batches, the epoch's end, three batches
            if early:
                kill()
            Reducer.__call__ = kill  # type: ignore[method-assign,assignment]

    found = together(lambda ranks: train(tmp_path / "run", recipe, ranks, norm=True, watch=die))
    assert isinstance(found[0], LostError)
    assert found[1] is None
    state = checkpoint.load_header(tmp_path / "run" / "resume.safetensors").state
    assert (state["epoch"], state["batch"]) == (1, 2 if recipe.accumulate == 2 else 3)
    together(lambda ranks: train(tmp_path / "run", recipe, ranks, norm=True, resume=True) and None)
    whole, again = left(tmp_path / "whole"), left(tmp_path / "run")
    assert all(torch.equal(whole[name], again[name]) for name in whole)


def test_what_one_process_cannot_read_ends_all_with_its_sentence(
    together: Together, recipe: Recipe, tmp_path: Path
) -> None:
    def work(ranks: Ranks) -> None:
        train(tmp_path / "run", recipe, ranks, broken=-1 if ranks.first else 3)

    first, second = together(work)
    assert str(first) == "process 1 of 2: a.png cannot be read."
    assert str(second) == "a.png cannot be read."


def test_in_turn_the_first_one_comes_first(together: Together, tmp_path: Path) -> None:
    def work(ranks: Ranks) -> bool:
        with ranks.in_turn():
            there = (tmp_path / "cache").exists()
            (tmp_path / "cache").touch()
        return there

    assert together(work, 3) == [False, True, True]

    def failing(ranks: Ranks, rank: int) -> None:
        with ranks.in_turn():
            if ranks.rank == rank:
                raise MartletError("no pictures.")

    for rank in range(2):
        told = [str(error) for error in together(lambda ranks, r=rank: failing(ranks, r))]
        assert told[rank] == "no pictures."
        assert told[1 - rank] == f"process {rank} of 2: no pictures."


def test_each_process_takes_another_stream_of_dropout(together: Together) -> None:
    def drawn(ranks: Ranks) -> list[float]:
        loop.seed_torch(0, loop.STEP, 7, *([] if ranks.first else [ranks.rank]))
        return torch.rand(3).tolist()

    loop.seed_torch(0, loop.STEP, 7)
    first, second = together(drawn)
    assert first == torch.rand(3).tolist()
    assert first != second


def test_alone_nothing_is_asked_of_others(recipe: Recipe) -> None:
    assert ONE_PROCESS.meet(flag=True)
    assert not ONE_PROCESS.meet()
    assert ONE_PROCESS.gather("x") == ["x"]
    with pytest.raises(MartletError, match="no pictures"), ONE_PROCESS.agreed():
        raise MartletError("no pictures.")
    assert list(ONE_PROCESS.in_step(iter("abc"), lambda: False)) == ["a", "b", "c"]
    assert list(ONE_PROCESS.in_step(iter("abc"), lambda: True)) == ["a"]
    sums = torch.ones(2)
    reduce = Reducer(ONE_PROCESS, State(network(norm=True), recipe))
    reduce.remember(accumulation.WHOLE_STEP)
    assert reduce(sums, accumulation.WHOLE_STEP) is sums
    assert reduce.before is None
