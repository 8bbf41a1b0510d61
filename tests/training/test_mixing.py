import pytest
import torch
from torch import Tensor
from torchvision.transforms import v2

from martlet.training.mixing import Mixing, build_mixing
from martlet.training.recipe import Recipe

TARGETS = torch.tensor([0, 2, 1, 1])


def inputs(*shape: int) -> Tensor:
    made = torch.rand(4, *shape, generator=torch.Generator().manual_seed(0))
    return made.contiguous(memory_format=torch.channels_last) if len(shape) == 3 else made


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        (v2.MixUp(alpha=0.4, num_classes=3), Mixing(0.4, 0.0, outputs=3)),
        (v2.CutMix(alpha=1.0, num_classes=3), Mixing(0.0, 1.0, outputs=3)),
    ],
)
def test_mixed_batches_are_torchvisions(theirs: v2.Transform, ours: Mixing) -> None:
    given = inputs(3, 12, 20)
    kept = given.clone()
    for seed in range(20):
        torch.manual_seed(seed)
        expected = theirs(given, TARGETS)
        torch.manual_seed(seed)
        found = ours(given, TARGETS)
        for mine, its in zip(found, expected, strict=True):
            torch.testing.assert_close(mine, its, rtol=0, atol=1e-6)
        assert found[0].is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(given, kept)


def test_of_a_recording_a_stretch_of_time_is_anothers() -> None:
    given = inputs(1, 40, 3)
    mixing = Mixing(0.0, 1.0, outputs=3, axes=1)
    torch.manual_seed(1)
    mixed, soft = mixing(given, TARGETS)
    changed = (mixed != given)[:, 0]
    assert torch.equal(changed.all(2), changed.any(2))  # all channels of a time, or none
    taken = changed.any(2)[0].float().mean()
    assert 0 < taken < 1
    torch.testing.assert_close(soft[0], torch.tensor([1 - taken, taken, 0]))


def test_both_alternate_by_chance() -> None:
    given, cut = inputs(3, 16, 16), []
    for seed in range(40):
        torch.manual_seed(seed)
        mixed, _ = Mixing(0.4, 1.0, outputs=3)(given, TARGETS)
        cut.append(bool((mixed == given).any()) or bool((mixed == given.roll(1, 0)).any()))
    assert 10 < sum(cut) < 30


def test_copies_of_a_sample_are_not_mixed_with_each_other() -> None:
    pairs = torch.tensor([0, 0, 1, 1])
    torch.manual_seed(0)
    _, soft = Mixing(1.0, 0.0, outputs=2, apart=2)(inputs(3, 4, 4), pairs)
    assert ((soft > 0) & (soft < 1)).all()


def test_targets_that_are_soft_already_stay_probabilities() -> None:
    soft = torch.tensor([[0.2, 0.8], [1.0, 0.0], [0.5, 0.5], [0.0, 1.0]])
    torch.manual_seed(0)
    _, mixed = Mixing(1.0, 0.0, outputs=2)(inputs(3, 4, 4), soft)
    torch.testing.assert_close(mixed.sum(1), torch.ones(4))


def test_a_small_alpha_gives_numbers() -> None:
    for seed in range(20):
        torch.manual_seed(seed)
        mixed, soft = Mixing(1e-3, 0.0, outputs=3)(inputs(3, 4, 4), TARGETS)
        assert mixed.isfinite().all()
        assert soft.isfinite().all()


def test_a_recipe_without_it_leaves_batches_alone(recipe: Recipe) -> None:
    assert build_mixing(recipe, 3, axes=2) is None
