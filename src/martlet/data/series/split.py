"""Windows into parts: by subject or recording first, or, when asked for, each by chance."""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from martlet.data.folds import folds_of
from martlet.data.series.recording import few, in_order
from martlet.data.series.samples import SeriesSamples
from martlet.data.split import PARTS, Split, split_samples
from martlet.errors import MartletError, unknown

PROTOCOLS = ("disjoint", "random")
NAMED, FEW_NAMED = 20, 5  # subjects in a sentence; of long names a few
_LONGEST = 160  # characters of them
_NUMBER = re.compile(r" #\d+")  # behind the name of a file that holds several recordings
OPTIMISTIC = (
    "The random split is optimistic: windows of one recording, which may overlap, are trained on "
    "and scored; expect less of people that the network has not seen."
)


def split(samples: SeriesSamples, options: Any) -> Split:
    """No subject (recording, where nobody is known) is in two parts; unless `protocol` is random.

    Parts that the files were given in are kept. Raises MartletError when there is one subject.
    """
    given = any(samples.parts)
    if options.protocol not in PROTOCOLS:
        raise unknown("protocol", options.protocol, PROTOCOLS)
    by_chance = options.protocol == "random"
    if by_chance and given:
        raise MartletError(
            "protocol='random' divides windows by chance, and these are given in parts; leave it "
            "out, or give one folder without parts."
        )
    who = "subject" if samples.by_subject else "recording"
    parts = samples.parts
    if options.cross_validate is not None:
        parts, by_chance = parts_of_fold(samples, options, who), False
    elif not by_chance and not given:
        _check_several(samples, options, who)
    found = split_samples(
        samples.labels,
        samples.digests,
        parts,
        val=options.val,
        test=options.test,
        seed=options.seed,
        allow_overlap=options.allow_overlap,
        classes=samples.classes,
        paths=samples.names,
        groups=None if by_chance else samples.groups,
        noun="window",
        group=who,
    )
    if not (by_chance or given or found.test) and options.test and options.cross_validate is None:
        raise MartletError(
            f"windows of different {who}s are equal in every sample, so all of them count as one "
            f"{who} and none can be held out; look for stretches of zeros or copies in them, take "
            "other channels, or give protocol='random', which is optimistic."
        )
    if by_chance:
        return replace(found, caution=OPTIMISTIC)
    told = (*who_is_where(found, samples.groups, who), *found.notes, *_equal(samples, who))
    return replace(found, notes=told)


def parts_of_fold(samples: SeriesSamples, options: Any, who: str) -> list[str]:
    """The fold that is asked for is the test part, all else is trained on."""
    if options.protocol == "random" or any(samples.parts):
        raise MartletError(
            "cross_validate divides subjects itself; give one folder without parts, and leave "
            "protocol out."
        )
    folds = folds_of(samples.labels, samples.groups, options.cross_validate, options.seed, who)
    if not 1 <= (options.fold or 1) <= len(folds):
        raise MartletError(f"fold={options.fold} is not there; there are {len(folds)} folds.")
    held = folds[(options.fold or 1) - 1]
    return ["test" if group in held else "train" for group in samples.groups]


def who_is_where(found: Split, groups: Sequence[str], who: str) -> tuple[str, ...]:
    """Sentences: which subjects, or recordings, are held out."""
    words = {"test": "Held out to score", "val": "Held out to choose the epoch", "train": "Trained"}
    told = []
    for part in reversed(PARTS):
        names = list(dict.fromkeys(groups[index] for index in getattr(found, part)))
        if names:
            on = " on" if part == "train" else ""
            told.append(f"{words[part]}{on}: {_listed(names, who)}.")
    return tuple(told)


def _listed(names: Sequence[str], who: str) -> str:
    """ "subjects 1, 2 and 8 more"; "20 recordings of b.ts" where a file holds several."""
    lead = f"{who}{'s' * (len(names) > 1)} "
    files = Counter(_NUMBER.sub("", name) for name in names if who == "recording")
    if files and len(files) < len(names):
        names = [f"{n:,} {who}{'s' * (n > 1)} of {name}" for name, n in files.items()]
        lead = ""
    shown = NAMED if len(", ".join(names[:NAMED])) <= _LONGEST else FEW_NAMED
    more = f" and {len(names) - shown:,} more" if len(names) > shown else ""
    return f"{lead}{', '.join(names[:shown])}{more}"


def _equal(samples: SeriesSamples, who: str) -> list[str]:
    """A sentence where several have equal windows, so that one part holds them all."""
    groups: dict[str, set[str]] = {}
    for digest, group in zip(samples.digests, samples.groups, strict=True):
        groups.setdefault(digest, set()).add(group)
    shared = [here for here in groups.values() if len(here) > 1]
    if not shared:
        return []
    names = in_order(set().union(*shared))
    return [
        f"Windows that several {who}s have, equal in every sample: {len(shared):,}; {who}s with "
        f"one are in one part together: {few(names)}."
    ]


def _check_several(samples: SeriesSamples, options: Any, who: str) -> None:
    names = set(samples.groups)
    if len(names) == 1 and options.val + options.test > 0:
        raise MartletError(
            f"all windows are of one {who}, {names.pop()!r}, which cannot be trained on and held "
            "out too; give recordings of several, or protocol='random', which is optimistic."
        )
