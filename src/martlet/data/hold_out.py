"""Which samples are held out: a share of each class, dealt by content (or group) and seed alone."""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from martlet.errors import MartletError


def hold_out(
    placed: list[str | None],
    labels: Sequence[int],
    keys: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
    name_of: Callable[[int], str],
    unit: str,
    whole: bool,
) -> list[str]:
    """Move fractions of each class out of train, what shares a key together; return notes.

    placed: the part of each sample, which is changed; those of train are divided.
    labels, keys: class of each, and what must stay together.
    fractions: part -> share of each class's keys.
    unit: what one key stands for, in words.
    whole: what has several classes is held out too, by itself, and not kept in train.

    Raises MartletError for a class with a single key.
    """
    copies: dict[str, list[int]] = defaultdict(list)
    for index, part in enumerate(placed):
        if part == "train":
            copies[keys[index]].append(index)
    classes = {key: {labels[index] for index in indices} for key, indices in copies.items()}
    several = [key for key, here in classes.items() if len(here) > 1]
    single: dict[int, list[str]] = defaultdict(list)
    for key in classes.keys() - set(several):
        single[min(classes[key])].append(key)
    count = Counter(label for key in classes for label in classes[key])
    if whole:
        count.subtract(label for key in several for label in classes[key])
    dealt: dict[str, str] = {}
    notes = []
    if several and whole:
        dealt |= _deal(several, _counts(len(several), fractions), seed)
    elif several:  # no right answer to score them by
        notes.append(
            f"{unit.capitalize()}s that lie in several classes, used in training only: "
            f"{len(several)}."
        )
    # Its one group stays in train: groups of several classes, which have it too, are held out.
    lone = {label for key in several for label in classes[key] if whole and count[label] == 1}
    few: list[str] = []
    for label in sorted((+count).keys() - lone):
        held = _counts(count[label], fractions)
        if not sum(held.values()):
            raise MartletError(
                f"class {name_of(label)} has one {unit} to divide; at least 2 different ones are "
                "needed, one to train on and one to hold out."
            )
        dealt |= _deal(single[label], held, seed)
        if 0 in held.values():
            few.append(name_of(label))
    for key, part in dealt.items():
        for index in copies[key]:
            placed[index] = part
    return notes + _about_few(few, fractions, unit)


def _deal(keys: Sequence[str], held: Mapping[str, int], seed: int) -> dict[str, str]:
    """So many of `keys` for each held-out part, in an order that follows from key and seed."""
    order = sorted(keys, key=lambda key: place(seed, key))
    return dict(zip(order, [part for part in held for _ in range(held[part])], strict=False))


def _about_few(few: Sequence[str], fractions: Mapping[str, float], unit: str) -> list[str]:
    if not few:
        return []
    part = max(fractions, key=lambda part: fractions[part])
    return [
        f"Classes with 2 {unit}s, one for train and one for {part}: "
        f"{', '.join(few[:5])}{f' and {len(few) - 5} more' if len(few) > 5 else ''}."
    ]


def _counts(total: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """How many of a class's samples go to each held-out part; at least one is left for train."""
    held = {part: max(1, round(total * share)) for part, share in fractions.items()}
    while sum(held.values()) >= total:  # too few: from the part furthest above its share

        def excess(part: str) -> tuple[bool, float]:
            return held[part] > 1, held[part] - total * fractions[part]

        held[max(held, key=excess)] -= 1
    return held


def place(seed: int, digest: str) -> bytes:
    """Where a content stands in the order that a seed gives to all of them."""
    return hashlib.blake2b(f"{seed} {digest}".encode(), digest_size=16).digest()
