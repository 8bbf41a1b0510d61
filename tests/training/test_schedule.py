from dataclasses import replace

import pytest

from martlet.training.recipe import Recipe
from martlet.training.schedule import learning_rate


def rates(recipe: Recipe, steps_per_epoch: int = 10) -> list[float]:
    steps = range(recipe.epochs * steps_per_epoch)
    return [learning_rate(step, steps_per_epoch, recipe, recipe.lr) for step in steps]


def test_rate_rises_to_the_peak_and_falls_to_zero(recipe: Recipe) -> None:
    found = rates(recipe)
    assert max(found) == found[10] == recipe.lr
    assert found[:11] == sorted(found[:11])
    assert found[10:] == sorted(found[10:], reverse=True)
    assert 0 < found[-1] < 0.01 * recipe.lr
    assert found[20] == pytest.approx(recipe.lr / 2)


def test_rate_of_a_run_shorter_than_its_warmup(recipe: Recipe) -> None:
    short = replace(recipe, epochs=1, warmup_epochs=5.0)
    found = rates(short, 6)
    assert found == sorted(found[:3]) + sorted(found[3:], reverse=True)  # half of it rises
    assert max(found) == found[3] == short.lr
    assert found[-1] < 0.3 * short.lr
    assert rates(short, 1) == [short.lr]


def test_linear(recipe: Recipe) -> None:
    """As the ShuffleNet papers: to zero, in equal steps."""
    found = rates(replace(recipe, schedule="linear", lr=1.0))
    assert found[10:] == pytest.approx([1 - step / 20 for step in range(20)])
    assert found[:10] == rates(replace(recipe, lr=1.0))[:10]


def test_step(recipe: Recipe) -> None:
    """As torchvision's StepLR, and MobileNet's 0.98 an epoch."""
    recipe = replace(recipe, epochs=5, schedule="step", step_epochs=2.0, lr=1.0)
    found = rates(recipe)
    assert found[10:] == pytest.approx([1.0] * 20 + [0.1] * 20)
    yearly = rates(replace(recipe, step_epochs=1.0, step_factor=0.98, warmup_epochs=0.0))
    assert yearly == pytest.approx([0.98 ** (step // 10) for step in range(50)])
    assert rates(replace(recipe, final_lr=0.5))[-1] == 0.5


def test_constant(recipe: Recipe) -> None:
    found = rates(replace(recipe, schedule="constant"))
    assert found[10:] == [recipe.lr] * 20
    assert found[:10] == rates(recipe)[:10]


@pytest.mark.parametrize("schedule", ["cosine", "linear"])
def test_the_share_that_is_left_at_the_end(recipe: Recipe, schedule: str) -> None:
    recipe = replace(recipe, epochs=101, lr=1.0, schedule=schedule, final_lr=0.2)
    found = rates(recipe)
    assert found[10] == 1.0
    assert found[510] == pytest.approx(0.6)
    assert 0.2 < found[-1] < 0.201


def test_a_group_has_a_peak_of_its_own(recipe: Recipe) -> None:
    for step in (0, 10, 25):
        whole, half = (learning_rate(step, 10, recipe, peak) for peak in (1.0, 0.5))
        assert half == pytest.approx(whole / 2)
