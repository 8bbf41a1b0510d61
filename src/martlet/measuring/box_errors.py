"""What kind of mistakes a detector makes: the kinds of TIDE (arXiv 2008.08115).

Of the boxes that were found with at least a score, the surest first: right ones overlap a box of
their class by an IoU of 0.5 that no surer one has. The others are of the wrong class, in the wrong
place (IoU 0.1 to 0.5), both, double, or of the background. Boxes that none of these is about are
missed.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.measuring.boxes import Answers, Truth

RIGHT, CLASS, PLACE, BOTH, DOUBLE, BACKGROUND, MISSED = KINDS = (
    *("right", "class", "place", "both", "double", "background", "missed"),
)
NEAR, FAR = 0.5, 0.1  # IoUs
LEAST_SCORE = 0.3


def iou(one: NDArray[np.float32], other: NDArray[np.float32]) -> NDArray[np.float64]:
    """(n, m) of boxes (n, 4) and (m, 4): left, top, right, bottom."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    both = _shared(one, other)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    found: NDArray[np.float64] = both / np.maximum(areas[0][:, None] + areas[1] - both, 1e-12)
    return found


def kinds_of(
    answers: Answers, truth: Truth, least: float = LEAST_SCORE
) -> tuple[list[str], list[bool]]:
    """The kind of each answer ("" for one below `least`, or in a crowd), and whether each box is
    missed."""
    real = np.flatnonzero(~truth.crowd)
    overlap = iou(answers.corners, truth.corners[real])
    in_crowd = _within(answers.corners, truth.corners[truth.crowd])
    same = answers.classes[:, None] == truth.classes[real]
    taken, about = np.zeros(len(real), bool), np.zeros(len(real), bool)
    kinds = [""] * len(answers.scores)
    for number in np.argsort(-answers.scores, kind="stable"):
        if answers.scores[number] < least:
            break
        mine = np.where(same[number], overlap[number], -1.0)
        free = np.where(taken, -1.0, mine)
        others = np.where(same[number], -1.0, overlap[number])
        if free.max(initial=-1.0) >= NEAR:
            kinds[number] = RIGHT
            taken[free.argmax()] = True
        elif in_crowd[number]:
            continue
        elif mine.max(initial=-1.0) >= NEAR:
            kinds[number] = DOUBLE
        elif others.max(initial=-1.0) >= NEAR:
            kinds[number], about[others.argmax()] = CLASS, True
        elif mine.max(initial=-1.0) >= FAR:
            kinds[number], about[mine.argmax()] = PLACE, True
        elif others.max(initial=-1.0) >= FAR:
            kinds[number] = BOTH
        else:
            kinds[number] = BACKGROUND
    missed = [False] * len(truth.classes)
    for place, number in enumerate(real):
        missed[number] = not taken[place] and not about[place]
    return kinds, missed


def count_kinds(
    answers: Sequence[Answers], truth: Sequence[Truth], least: float = LEAST_SCORE
) -> dict[str, int]:
    """How many of each kind, over some pictures; KINDS in their order."""
    found: Counter[str] = Counter()
    for one, wanted in zip(answers, truth, strict=True):
        kinds, missed = kinds_of(one, wanted, least)
        found.update(kinds)
        found[MISSED] += sum(missed)
    return {kind: found[kind] for kind in KINDS}


def _within(corners: NDArray[np.float32], crowds: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(n,): whether at least half of a box lies in a crowd."""
    both = _shared(corners, crowds)
    area = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    found: NDArray[np.bool_] = (both >= 0.5 * area[:, None]).any(axis=1)
    return found


def _shared(one: NDArray[Any], other: NDArray[Any]) -> NDArray[Any]:
    """(n, m) areas that boxes (n, 4) and (m, 4) have in common."""
    low = np.maximum(one[:, None, :2], other[None, :, :2])
    high = np.minimum(one[:, None, 2:], other[None, :, 2:])
    found: NDArray[Any] = np.clip(high - low, 0, None).prod(axis=2)
    return found
