"""The result of a run in words: one sentence, and what a reader must know to judge it."""

import math
from collections.abc import Sequence

from martlet.errors import MartletError

PART_NAMES = {"train": "training", "val": "validation", "test": "test"}
_WIDE_INTERVAL = 0.1  # of the 95 % interval, from where a part is called small
_UNEVEN = 3  # samples of the largest class to one of the smallest


def wilson(correct: int, total: int) -> tuple[float, float]:
    """The 95 % interval of a share (Wilson's score interval, 1927), as fractions (low, high).

    It stays within 0..1 and holds for few samples and for shares near 1, where the usual
    ± 1.96 standard errors fail. (0, 1) when `total` is 0: nothing is known.

    Raises:
        MartletError: `correct` is negative or above `total`.
    """
    if not 0 <= correct <= total:
        raise MartletError(f"correct={correct} of total={total}; use 0 <= correct <= total.")
    if total == 0:
        return 0.0, 1.0
    from scipy.stats import binomtest

    found = binomtest(correct, total).proportion_ci(confidence_level=0.95, method="wilson")
    return float(found.low), float(found.high)


def points(value: float | None) -> str:
    """A figure of 0 to 1 in points of 100, as COCO's are told; "–" where nothing is scored."""
    return "–" if value is None else f"{100 * value:.1f}"


def percent(share: float) -> str:
    """0.978 -> "97.8 %"; never "100 %" or "0 %" for a share that is only close to it."""
    if not math.isfinite(share):
        return "–"
    if share in (0.0, 1.0):
        return f"{share * 100:.0f}\u00a0%"
    for digits in (1, 2, 3):
        text = f"{100 * share:.{digits}f}"
        if 0 < float(text) < 100:
            break
    return f"{text}\u00a0%"


def sentence(
    network: str,
    part: str,
    correct: int,
    total: int,
    noun: str = "pictures",
    optimistic: bool = False,
) -> str:
    """The result in one sentence; `noun`: what samples are called."""
    if total == 0:
        return f"{network} was not scored: there were no {noun} to score it on."
    low, high = wilson(correct, total)
    word = "optimistic; " if optimistic else ""
    return (
        f"{network} names {correct:,} of {total:,} {PART_NAMES.get(part, part)} {noun} right: "
        f"{percent(correct / total)} ({word}95\u00a0% interval {percent(low)} to {percent(high)})."
    )


def caveats(
    part: str,
    chose_checkpoint: bool,
    correct: int,
    total: int,
    support: Sequence[tuple[str, int]],
    answered: int | None = None,
    noun: str = "pictures",
) -> list[str]:
    """Sentences on what the figure cannot promise.

    Args:
        part: "train", "val" or "test", the part that was scored.
        chose_checkpoint: this part also chose the checkpoint.
        correct: samples of the part that were named right.
        total: samples of the part.
        support: (class, its samples in the part).
        answered: how many different classes were answered; None when it is not known.
        noun: what samples are called, in the plural.
    """
    told = []
    if answered == 1 and len(support) > 1:
        told.append(
            f"All {noun} got one and the same answer: the network has learnt nothing that tells "
            "the classes apart. Train it longer, or with a smaller learning rate."
        )
    if part == "train":
        told.append(
            f"The network was trained on these very {noun}: the figure says nothing about new ones."
        )
    if chose_checkpoint:
        told.append(
            f"The same {noun} also chose the checkpoint, so the figure flatters: "
            f"expect somewhat less on new {noun}."
        )
    low, high = wilson(correct, total)
    if total and high - low > _WIDE_INTERVAL:
        told.append(
            f"Only {total:,} {noun} were scored: the true accuracy may well be anywhere from "
            f"{percent(low)} to {percent(high)}."
        )
    return told + _about_classes(support, noun)


def _about_classes(support: Sequence[tuple[str, int]], noun: str) -> list[str]:
    """Classes without a sample, and classes of very different sizes."""
    told = []
    absent = [name for name, number in support if number == 0]
    present = sorted((pair for pair in support if pair[1] > 0), key=lambda pair: pair[1])
    if absent:
        names = ", ".join(absent[:5]) + (", …" if len(absent) > 5 else "")
        one = "1 class has" if len(absent) == 1 else f"{len(absent)} classes have"
        told.append(f"{one} no {noun} here, so nothing is known about: {names}.")
    if present and present[-1][1] >= _UNEVEN * present[0][1]:
        (small, fewest), (large, most) = present[0], present[-1]
        always = most / sum(number for _, number in present)
        told.append(
            f"The classes are uneven, from {fewest:,} × {small} to {most:,} × {large}: to answer "
            f"“{large}” every time would be right for {percent(always)}. Judge by the balanced "
            "accuracy, in which every class weighs the same."
        )
    return told
