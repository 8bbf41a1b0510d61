"""Options of a recipe that say what becomes of a batch's inputs and targets."""

from dataclasses import dataclass

from martlet.arguments import option
from martlet.training.ranges import ABOVE_0, AT_LEAST_0, SHARE_ABOVE_0


@dataclass(frozen=True, kw_only=True)
class TargetFields:
    """Mixed inputs and targets; a teacher's answers beside the labels."""

    mixup: float = option(
        0.0,
        "Pictures, scenes, recordings: alpha of mixup: inputs and targets blended in pairs; 0: "
        "without.",
        AT_LEAST_0,
        only=("pictures", "scenes", "recordings"),
    )
    cutmix: float = option(
        0.0,
        "Pictures, recordings: alpha of CutMix: a part of each input is another's; 0: without.",
        AT_LEAST_0,
        only=("pictures", "recordings"),
    )
    distill_weight: float = option(
        0.5, "Share of a teacher's answers in the loss; the labels have the rest.", SHARE_ABOVE_0
    )
    distill_temperature: float = option(
        4.0, "By which logits are divided before a teacher's are compared.", ABOVE_0
    )
