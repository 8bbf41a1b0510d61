"""Groups, or contents, dealt into folds: each is held out once, and trained on in all others."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.hold_out import place
from martlet.data.kind import Samples
from martlet.data.split import joined
from martlet.errors import MartletError


def folds_of(
    labels: Sequence[int], groups: Sequence[str], asked: str, seed: int, who: str
) -> list[tuple[str, ...]]:
    """The groups of each fold: one a fold for "subject", else `asked` folds that are alike.

    labels, groups: of each sample; alike: in size and in classes (scikit-learn's
    StratifiedGroupKFold). who: what a group is, "subject" or "recording".

    Raises MartletError for more folds than groups, and for subjects where none are known.
    """
    names = list(dict.fromkeys(groups))
    if asked == "subject":
        if who != "subject":
            raise MartletError(
                "cross_validate='subject' is not accepted: nothing says who was recorded; give a "
                "number of folds, as 5, or group_by."
            )
        count = len(names)
    else:
        count = _number(asked, "subject, or a number of folds from 2")
    if not 2 <= count <= len(names):
        raise MartletError(
            f"cross_validate={asked!r} needs {max(2, count)} {who}s or more; there are "
            f"{len(names)}."
        )
    if count == len(names):
        return [(name,) for name in names]
    of, numbers = np.asarray(groups), dealt_evenly(labels, groups, count, seed)
    return [tuple(dict.fromkeys(of[numbers == number].tolist())) for number in range(count)]


def dealt_evenly(
    labels: Sequence[int] | NDArray[np.integer],
    keys: Sequence[str] | NDArray[Any],
    count: int,
    seed: int,
) -> NDArray[np.int64]:
    """The fold of each sample (N,), from 0: alike in size and in classes, each key in one fold."""
    from sklearn.model_selection import StratifiedGroupKFold

    dealer, found = StratifiedGroupKFold(count, shuffle=True, random_state=seed), np.asarray(keys)
    numbers = np.zeros(len(found), np.int64)
    for number, (_, held) in enumerate(dealer.split(found, np.asarray(labels), found)):
        numbers[held] = number
    return numbers


def folds_of_pictures(samples: Samples, asked: str, seed: int) -> list[tuple[str, ...]]:
    """What each fold holds out: groups where there are any, else contents, each class dealt evenly.

    Which content goes where follows from itself and the seed. One that lies in several classes has
    no right answer to score it by, and is trained on in all folds.

    Raises MartletError for samples that are given in parts, and for a class that not every fold
    would hold some of.
    """
    if any(samples.parts):
        raise MartletError(
            f"cross_validate divides {str(samples.root)!r} itself, and it is given in parts; give "
            "one folder or file without parts."
        )
    count = _number(asked, "a number of folds from 2, as 5")
    keys = keys_of(samples)
    if samples.groups is not None:
        folds = folds_of(samples.labels, keys, asked, seed, "group")
    else:
        folds = _dealt(samples.labels, keys, count, seed)
    fold_of = {key: number for number, held in enumerate(folds) for key in held}
    here: dict[int, set[int]] = defaultdict(set)
    # A picture with boxes has several classes.
    present = getattr(samples, "present", None) or [(label,) for label in samples.labels]
    for labels, key in zip(present, keys, strict=True):
        for label in labels:
            here[label] |= {fold_of[key]} if key in fold_of else set()
    for label, name in enumerate(samples.classes):
        if len(here[label]) < count:
            unit = "different picture" if samples.groups is None else "group"
            different = {key for key, own in zip(keys, present, strict=True) if label in own}
            raise MartletError(
                f"class {name!r} has no pictures in a fold: cross_validate={asked!r} deals "
                f"{len(different)} {unit}s of it; give fewer folds, or more pictures of it."
            )
    return folds


def keys_of(samples: Samples) -> Sequence[str]:
    """What of each sample one fold alone may hold: its group where there are any, or content."""
    if samples.groups is None:
        return samples.digests
    return joined(samples.groups, samples.digests)


def parts_of_fold(samples: Samples, options: Any) -> list[str]:
    """Of pictures: the fold that is asked for is the test part, all else is trained on."""
    folds = folds_of_pictures(samples, options.cross_validate, options.seed)
    number = options.fold or 1
    if number > len(folds):
        raise MartletError(f"fold={number} is not there; there are {len(folds)} folds.")
    held = set(folds[number - 1])
    return ["test" if key in held else "train" for key in keys_of(samples)]


def _dealt(
    labels: Sequence[int], keys: Sequence[str], count: int, seed: int
) -> list[tuple[str, ...]]:
    """The keys of each class in turn, to one fold after the other."""
    classes: dict[str, set[int]] = defaultdict(set)
    for label, key in zip(labels, keys, strict=True):
        classes[key].add(label)
    folds: list[list[str]] = [[] for _ in range(count)]
    ordered = sorted(classes, key=lambda key: (min(classes[key]), place(seed, key)))
    for number, key in enumerate(key for key in ordered if len(classes[key]) == 1):
        folds[number % count].append(key)
    return [tuple(held) for held in folds]


def _number(asked: str, accepted: str) -> int:
    if asked.isdecimal() and int(asked) >= 2:
        return int(asked)
    raise MartletError(f"cross_validate={asked!r} is not accepted; give {accepted}.")
