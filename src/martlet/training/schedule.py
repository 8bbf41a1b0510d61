"""The learning rate as a pure function of the step: a resumed run has the rates of a whole one."""

from math import cos, pi

from martlet.training.recipe import Recipe


def learning_rate(step: int, steps_per_epoch: int, recipe: Recipe, peak: float) -> float:
    """The rate of step 0, 1, … of a run, for weights whose highest rate is `peak`.

    A linear rise over the warm-up, at most half of the run, which else would end at its highest
    rate; then the recipe's schedule over what is left of its epochs.
    """
    total = recipe.epochs * steps_per_epoch
    warmup = min(round(recipe.warmup_epochs * steps_per_epoch), total // 2)
    if step < warmup:
        return peak * (step + 1) / (warmup + 1)
    return peak * _share(step - warmup, total - warmup, steps_per_epoch, recipe)


def _share(step: int, total: int, steps_per_epoch: int, recipe: Recipe) -> float:
    """The share of the peak at a step behind the warm-up, of `total` such steps."""
    if recipe.schedule == "constant":
        return 1.0
    if recipe.schedule == "step":
        every = max(1, round(recipe.step_epochs * steps_per_epoch))
        return max(recipe.final_lr, recipe.step_factor ** (step // every))
    left = 1 - step / total if recipe.schedule == "linear" else 0.5 * (1 + cos(pi * step / total))
    return recipe.final_lr + (1 - recipe.final_lr) * left
