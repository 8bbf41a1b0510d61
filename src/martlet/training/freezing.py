"""Parts of a network that keep their weights and statistics, for a run or for its first epochs.

Frozen parameters need no gradient, so that no optimiser has them and, where they are the first
stages, the backward pass ends before them. Frozen modules work as when the network answers: batch
norm keeps its statistics, dropout lets all pass.
"""

from collections.abc import Iterator
from difflib import get_close_matches

from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from martlet.errors import MartletError
from martlet.models.classifier import Classifier
from martlet.models.stages import HEAD, Stage, stages
from martlet.training.recipe import Recipe
from martlet.training.transfer_fields import BACKBONE, NONE

MARK = "kept_frozen"  # attribute of a module that is frozen for the whole run; copies have it too


def freeze(model: nn.Module, recipe: Recipe) -> None:
    """Freeze what the recipe keeps for the whole run: `freeze`, and batch norm if `norm` says so.

    Raises MartletError for stages that the network does not have.
    """
    frozen = [model.get_submodule(name) for name in frozen_modules(model, recipe.freeze)]
    if recipe.norm == "frozen":
        frozen += norms(model)
    for part in frozen:
        part.requires_grad_(False)
        for module in part.modules():
            setattr(module, MARK, True)


def is_frozen(module: nn.Module) -> bool:
    """Whether `freeze` froze it."""
    return getattr(module, MARK, False) is True


def norms(model: nn.Module) -> Iterator[_BatchNorm]:
    """The layers of batch norm."""
    return (module for module in model.modules() if isinstance(module, _BatchNorm))


def set_modes(model: nn.Module, *, head_alone: bool) -> None:
    """Put the network into training mode, all but what is frozen.

    head_alone: all but the classifier is frozen for the moment.
    """
    model.train()
    head = {module for name in HEAD for module in getattr(model, name, nn.Identity()).modules()}
    for module in model.modules():
        frozen = is_frozen(module) or (head_alone and module not in head)
        module.training = not frozen
        for parameter in module.parameters(recurse=False):
            parameter.requires_grad_(not frozen)


def frozen_modules(model: nn.Module, asked: int | str) -> list[str]:
    """Names of the modules that a recipe's `freeze` stands for.

    Raises MartletError for stages that the network does not have, and for the classifier.
    """
    asked = str(asked)
    if asked == NONE:
        return []
    known = stages_of(model, f"freeze={asked!r}")
    names = [stage.name for stage in known]
    if asked == BACKBONE:
        chosen = known
    elif asked.isdecimal() and 1 <= int(asked) <= len(known):
        chosen = known[: int(asked)]
    else:
        wanted = asked.split(",")
        strange = [name for name in wanted if name not in names]
        if strange:
            close = get_close_matches(strange[0], names, n=1, cutoff=0.5)
            meant = f"; did you mean {close[0]}" if close else ""
            raise MartletError(
                f"freeze={asked!r} is not accepted{meant}; give none, a number from 1 to "
                f"{len(known)}, names of {', '.join(names)}, or backbone for all of these: the "
                "classifier is always trained."
            )
        chosen = [stage for stage in known if stage.name in wanted]
    return [module for stage in chosen for module in stage.modules]


def depths(model: nn.Module) -> dict[Tensor, int]:
    """Of each parameter, how many stages its own is away from the classifier, which has 0."""
    known = stages_of(model, "lr_decay")
    return {
        parameter: len(known) - number
        for number, stage in enumerate(known)
        for name in stage.modules
        for parameter in model.get_submodule(name).parameters()
    }


def stages_of(model: nn.Module, option: str) -> list[Stage]:
    """The network's stages; MartletError, which begins with `option`, for one that has none."""
    if not isinstance(model, Classifier):
        raise MartletError(
            f"{option} needs stages, and {type(model).__name__} has none; leave it out."
        )
    return stages(model)
