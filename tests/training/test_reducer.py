"""What is put back when a step cannot end; test_ranks.py has the steps themselves."""

from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from martlet.training.accumulation import WHOLE_STEP, turn_of
from martlet.training.ranks import Ranks
from martlet.training.recipe import Recipe
from martlet.training.reducer import Reducer, reduce_statistics
from martlet.training.state import State


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))


def test_undo_goes_back_to_the_end_of_the_last_step(recipe: Recipe) -> None:
    state = State(network(), recipe, processes=2)
    before = {name: one.clone() for name, one in state.model.state_dict().items()}
    reduce = Reducer(Ranks(rank=0, count=2), state)
    state.count({"loss": 1.0}, samples=8)
    for batch in (0, 1):  # of a step of three
        reduce.remember(turn_of(batch, 6, 3))
        state.model(torch.randn(8, 2))
        state.count({"loss": 2.0}, samples=8)
    reduce.undo()
    assert (state.batch, state.seen, state.sums) == (1, 8, {"loss": 1.0})
    assert all(torch.equal(before[name], one) for name, one in state.model.state_dict().items())
    reduce.undo()  # nothing more to put back
    assert state.batch == 1


def test_gradients_and_statistics_are_means_and_sums_are_totals(
    together: Callable[..., list[Any]], recipe: Recipe
) -> None:
    def work(ranks: Ranks) -> list[Any]:
        state = State(network(), recipe, ranks.count)
        state.model(torch.full((4, 2), float(ranks.rank))).sum().backward()
        state.model[1].running_mean.fill_(ranks.rank)  # type: ignore[index,union-attr,operator]
        state.model[0].bias.grad.fill_(10.0 * ranks.rank)  # type: ignore[index,union-attr,operator]
        totals = Reducer(ranks, state)(torch.tensor([1.0, ranks.rank]), WHOLE_STEP)
        found = [totals.tolist(), state.model[0].bias.grad.tolist()]  # type: ignore[index,union-attr,operator]
        found.append(state.model[1].running_mean.tolist())  # type: ignore[index,union-attr,operator]
        state.model[1].running_mean.fill_(6.0 * ranks.rank)  # type: ignore[index,union-attr,operator]
        reduce_statistics(ranks, state.model)
        return [*found, state.model[1].running_mean.tolist()]  # type: ignore[index,union-attr,operator]

    for found in together(work):
        assert found == [[2.0, 1.0], [5.0] * 3, [0.5] * 3, [3.0] * 3]
