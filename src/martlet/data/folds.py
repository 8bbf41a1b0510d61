"""Groups dealt into folds: each is held out once, and trained on in all other folds."""

from collections.abc import Sequence

import numpy as np

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
    elif asked.isdecimal() and int(asked) >= 2:
        count = int(asked)
    else:
        raise MartletError(
            f"cross_validate={asked!r} is not accepted; give subject, or a number of folds from 2."
        )
    if not 2 <= count <= len(names):
        raise MartletError(
            f"cross_validate={asked!r} needs {max(2, count)} {who}s or more; there are "
            f"{len(names)}."
        )
    if count == len(names):
        return [(name,) for name in names]
    from sklearn.model_selection import StratifiedGroupKFold

    dealer = StratifiedGroupKFold(count, shuffle=True, random_state=seed)
    of = np.asarray(groups)
    return [
        tuple(dict.fromkeys(of[held].tolist()))
        for _, held in dealer.split(np.zeros(len(of)), np.asarray(labels), of)
    ]
