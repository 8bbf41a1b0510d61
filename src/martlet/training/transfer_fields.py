"""Options of a recipe for weights that have learnt something already."""

from dataclasses import dataclass
from typing import Any, Literal

from martlet.arguments import option
from martlet.errors import MartletError
from martlet.training.ranges import AT_LEAST_0, EPOCHS, SHARE_ABOVE_0

NONE, BACKBONE = "none", "backbone"


@dataclass(frozen=True, kw_only=True)
class TransferFields:
    """What is kept of them, and how fast the rest moves."""

    freeze: int | str = option(
        NONE,
        "Pictures, scenes, recordings: keep as they are: stem, so many stages from the stem on, "
        "stages by name as stem,stage2, or backbone: all but the classifier.",
        only=("pictures", "scenes", "recordings"),
    )
    lr_decay: float = option(
        1.0,
        "Pictures, scenes, recordings: learning rate of a stage as a share of that of the next "
        "one; the classifier has it all.",
        SHARE_ABOVE_0,
        only=("pictures", "scenes", "recordings"),
    )
    norm: Literal["train", "frozen", "recalibrated"] = option(
        "train",
        "Batch norm: trained; kept as it is; or its statistics measured on all training inputs, "
        "as they are scored, before each validation.",
    )
    head_epochs: int = option(
        0,
        "Pictures, scenes, recordings: the first of the epochs, in which the classifier alone is "
        "trained.",
        AT_LEAST_0,
        only=("pictures", "scenes", "recordings"),
    )
    few: bool = option(
        False,
        "Pictures, scenes, recordings: the classifier alone, in closed form, in seconds; epochs or "
        "time, if given, train all from there on.",
        only=("pictures", "scenes", "recordings"),
    )


def check_transfer(recipe: Any) -> None:
    """Raises MartletError for options that leave nothing to train; `freeze` becomes text."""
    object.__setattr__(recipe, "freeze", str(recipe.freeze).replace(" ", "") or NONE)
    if recipe.epochs == 0 and not recipe.few:
        raise MartletError(f"epochs=0 is not accepted; give {EPOCHS.accepted}.")
    if recipe.head_epochs == 0:
        return
    if recipe.head_epochs >= recipe.epochs:
        raise MartletError(
            f"head_epochs={recipe.head_epochs} leaves none of {recipe.epochs} epochs for the rest "
            "of the network; give fewer, or freeze=backbone."
        )
    if recipe.freeze == BACKBONE:
        raise MartletError(
            f"head_epochs={recipe.head_epochs} and freeze={BACKBONE!r} exclude each other: after "
            "these epochs nothing more would be trained; give one."
        )
