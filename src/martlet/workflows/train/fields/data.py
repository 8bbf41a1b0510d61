"""Options of `train` that say what is read, and how it is put into parts."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from martlet.arguments import Range, option
from martlet.training.ranges import AT_LEAST_1

FOLDS = Range("2 to 100", lambda value: 2 <= value <= 100)


@dataclass(frozen=True, kw_only=True)
class DataFields:
    """Of pictures alone, and of several kinds of data."""

    task: str = option(None, "What is learnt (default: what the kind of data is usually for).")
    image_size: int = option(
        224,
        "Pictures, boxes: side of the square that the network sees, in pixels.",
        only=("pictures", "boxes"),
    )
    resize: Literal["crop", "squash"] = option(
        "crop", "Pictures: crop the centre, or squash all of it.", only="pictures"
    )
    channels: str | Sequence[str] | None = option(
        None,
        "Pictures, boxes: RGB (default), or L for gray. Recordings: names or patterns, as "
        "acc_*,gyr_* (default: all).",
        only=("pictures", "boxes", "recordings"),
    )
    window: int | str | None = option(
        None,
        "Scenes: side of a window in pixels (default: 25). Recordings: its length, a time as 2.56s "
        "or samples.",
        only=("scenes", "recordings"),
    )
    val: float = option(0.1, "Share cut out to choose the best epoch.")
    test: float = option(
        0.2,
        "Pictures, boxes, recordings: share held out for the final figure.",
        only=("pictures", "boxes", "recordings"),
    )
    max_bad: float = option(
        0.01,
        "Pictures, boxes: share of unreadable ones that is let pass.",
        only=("pictures", "boxes"),
    )
    allow_overlap: bool = option(
        False,
        "Pictures, boxes, recordings: go on when train and test share some.",
        only=("pictures", "boxes", "recordings"),
    )
    protocol: str = option(
        "disjoint",
        "Scenes: split by disjoint regions, random pixels, both in turn, or as a file's map says. "
        "Recordings: by disjoint subjects, or random windows.",
        only=("scenes", "recordings"),
    )
    group_by: str | None = option(
        None,
        "Pictures: near-duplicates, a regular expression on paths with one group in brackets, or "
        "a list's column: each group is kept in one part. Recordings: column of the subjects.",
        only=("pictures", "recordings"),
    )
    check_labels: int | None = option(
        None,
        "Pictures: list labels in doubt, by a linear head on the features of weights or "
        "pretrained, in so many folds, as 5.",
        FOLDS,
        only="pictures",
    )
    cross_validate: int | str | None = option(
        None,
        "Pictures, boxes: a run for each of so many parts that is held out in turn, as 5. "
        "Recordings: the same by subjects; subject holds out each one alone.",
        only=("pictures", "boxes", "recordings"),
    )
    fold: int | None = option(
        None,
        "Pictures, boxes, recordings: train this fold of cross_validate alone, from 1.",
        AT_LEAST_1,
        only=("pictures", "boxes", "recordings"),
    )
