"""What training programs put around weights: the same tensors come out of all of it."""

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from martlet.models.weights.unwrapping import MOST, Candidate, candidates

STATE = {
    "conv.weight": torch.eye(3),
    "conv.bias": torch.arange(3.0),
    "fc.weight": torch.ones(2, 3),
    "fc.bias": torch.ones(2),
}
AVERAGED = {name: tensor + 1 for name, tensor in STATE.items()}


def behind(prefix: str, state: dict[str, Tensor] = STATE) -> dict[str, Tensor]:
    return {prefix + name: tensor for name, tensor in state.items()}


def first(content: Any) -> Candidate:
    """The candidate that has the names of STATE, as the one that is recognised."""
    return next(found for found in candidates(content) if found.state.keys() == STATE.keys())


@pytest.mark.parametrize(
    "content",
    [
        STATE,
        OrderedDict(STATE),
        {"state_dict": STATE, "epoch": 3},
        {"model": STATE, "optimizer": {"state": {0: {"momentum_buffer": torch.ones(9)}}}},
        {"model_state_dict": STATE, "optimizer_state_dict": {"a.b": torch.ones(9)}},
        {"net": STATE, "acc": 91.2},
        {"arch": "resnet", "module": STATE},
        {"checkpoint": {"params": {"weights": STATE}}},
        {"anything": STATE, "criterion": behind("a."), "loss_fn": behind("b.")},
        *(behind(prefix) for prefix in ("module.", "_orig_mod.", "model.", "net.", "own_name.")),
        *(behind(prefix) for prefix in ("module._orig_mod.", "_orig_mod.module.")),
        {"state_dict": behind("module.model.backbone.")},
    ],
    ids=range(17),
)
def test_the_tensors_are_found_without_a_word(content: Any) -> None:
    found = first(content)
    assert all(torch.equal(found.state[name], tensor) for name, tensor in STATE.items())
    assert not [sentence for sentence in found.told if "left out: " in sentence]


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (
            {"state_dict": STATE, "state_dict_ema": AVERAGED},
            r"the weights under 'state_dict_ema' are taken, averaged ones (EMA); those under "
            "'state_dict' are left out",
        ),
        (
            {"ema": {"module": AVERAGED}, "model": STATE, "step": 7},
            "the weights under 'ema.module' are taken, averaged ones (EMA); those under 'model' "
            "are left out",
        ),
        (
            behind("model.") | behind("ema_model.", AVERAGED),
            "of 'ema_model.*' (averaged, EMA); left out: 'model.conv.weight', 'model.conv.bias', "
            "'model.fc.weight' and 1 more",
        ),
    ],
)
def test_averaged_weights_are_taken_and_that_is_said(content: Any, sentence: str) -> None:
    found = first(content)
    assert torch.equal(found.state["conv.bias"], AVERAGED["conv.bias"])
    assert sentence in found.told


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (behind("model.") | {"criterion.weight": torch.ones(3)}, "left out: 'criterion.weight'"),
        (behind("module.") | {"n_averaged": torch.tensor(3)}, "left out: 'n_averaged'"),
        (
            STATE | {"total_ops": torch.zeros(1), "conv.total_params": torch.zeros(1)},
            "left out: 2 counts of operations (total_ops, total_params)",
        ),
        (
            {"student": STATE, "teacher": AVERAGED},
            "the weights under 'student' are taken; those under 'teacher' are left out",
        ),
        ({"state_dict": STATE | {"version": 2}}, "left out beside the weights: 'version'"),
    ],
)
def test_what_is_left_out_is_said(content: Any, sentence: str) -> None:
    found = first(content)
    assert torch.equal(found.state["conv.bias"], STATE["conv.bias"])
    assert any(sentence in told for told in found.told), found.told


@pytest.mark.parametrize(
    "content", [{}, [STATE], None, {"a": 3}, {1: torch.ones(3)}, {"optimizer": STATE}, torch.eye(2)]
)
def test_what_holds_no_weights(content: Any) -> None:
    assert candidates(content) == []


def test_an_average_of_a_part_does_not_stand_for_the_whole() -> None:
    found = candidates({"model": STATE, "ema": {"fc.bias": torch.zeros(2)}})
    assert found[0].state is not None
    assert found[0].state.keys() == STATE.keys()


def test_tables_within_tables_end() -> None:
    nest: Callable[[int], Any] = lambda n: STATE if n == 0 else {"model": nest(n - 1)}  # noqa: E731
    assert candidates(nest(300)) == []
    assert len(candidates({"x" + ".a" * 500: torch.ones(1)})) < 10


def test_tables_that_share_what_is_in_them_are_looked_into_once() -> None:
    content: dict[str, Any] = STATE
    for _ in range(4):
        content = dict.fromkeys("abcdef", content)
    assert len(candidates(content)) == len(candidates(STATE))


def test_of_many_tables_a_few_are_tried() -> None:
    many = {f"of step {number}": dict(STATE) for number in range(100)}
    found = candidates(many)
    assert len(found) == MOST * len(candidates(STATE))
    assert found[0].told == (
        "the weights under 'of step 0' are taken; those under 'of step 1', 'of step 2', "
        "'of step 3' and 96 more are left out",
    )
    averaged = {**many, "model_ema": AVERAGED}
    assert torch.equal(candidates(averaged)[0].state["fc.bias"], AVERAGED["fc.bias"])
