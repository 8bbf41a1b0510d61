"""The only place that splits pictures into train, val and test, without leaks between them.

Identical content always stays in one part, each class is spread over the parts by the asked
fractions, and which picture goes where follows from its content and the seed alone: not from
file names, their order or a random generator. Adding pictures moves few of the others.
"""

import hashlib
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from martlet.errors import MartletError, unknown

if TYPE_CHECKING:
    from martlet.data.cache import PixelCache

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """Indices of the pictures in each part, ascending.

    digests: content hash of every picture, in the order the indices count.
    notes: sentences about what is out of the ordinary.

    Raises MartletError when one index, or one content, is in two parts.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    digests: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        part_of: dict[int | str, str] = {}
        for part in PARTS:
            for index in getattr(self, part):
                for key in (index, self.digests[index]):
                    other = part_of.setdefault(key, part)
                    if other != part:
                        raise MartletError(f"picture {index} is in two parts, {other} and {part}.")

    @property
    def dropped(self) -> tuple[int, ...]:
        """Indices in no part: copies of held-out pictures, and pictures added later."""
        used = {*self.train, *self.val, *self.test}
        return tuple(index for index in range(len(self.digests)) if index not in used)

    def to_dict(self, cache: "PixelCache") -> dict[str, Any]:
        """What split.json holds: path, content hash and class of every picture of every part."""
        pictures, classes = cache.pictures, cache.classes
        rows = {
            part: [
                [pictures[i].path, self.digests[i], classes[pictures[i].label]]
                for i in getattr(self, part)
            ]
            for part in (*PARTS, "dropped")
        }
        return {"format": 1, "columns": ["path", "digest", "class"], **rows}

    @classmethod
    def from_dict(cls, saved: Mapping[str, Any], cache: "PixelCache") -> "Split":
        """The saved split of the pictures in `cache`, found by their content.

        What was in no part then is dropped now; notes count new pictures and missing ones. Raises
        MartletError when `saved` is not a split.
        """
        part_of = _part_of_digest(saved)
        dropped_then = {(path, digest) for path, digest, _ in saved.get("dropped", ())}
        parts: list[str | None] = []
        new = 0
        for picture, digest in zip(cache.pictures, cache.digests, strict=True):
            then = (picture.path, digest) in dropped_then
            parts.append(None if then else part_of.get(digest))
            new += parts[-1] is None and not then
        missing = len(part_of.keys() - set(cache.digests))
        notes = []
        if new:
            notes.append(f"Pictures new since the split was saved, left out: {new}.")
        if missing:
            notes.append(f"Pictures of the saved split that are no longer there: {missing}.")
        return cls(**_indices(parts), digests=tuple(cache.digests), notes=tuple(notes))


def held_out(digests: Sequence[str], saved: Mapping[str, Any]) -> list[str | None]:
    """The part in which each content was, by a saved split: None for a content it does not know."""
    part_of = _part_of_digest(saved)
    return [part_of.get(digest) for digest in digests]


def split_pictures(
    labels: Sequence[int],
    digests: Sequence[str],
    parts: Sequence[str | None] | None = None,
    *,
    val: float = 0.1,
    test: float = 0.2,
    seed: int = 0,
    allow_overlap: bool = False,
    classes: Sequence[str] = (),
    paths: Sequence[str] = (),
) -> Split:
    """Put every picture into train, val or test.

    labels, digests, parts: class index, content hash and given part (None: not given) of each.
    val, test: fraction of each class's distinct contents. Every class gets at least one picture
        in each part asked for as long as it has enough of them, and always one in train.
    Given parts are kept: when val is not among them it is cut out of train; when only test is
    missing it stays empty.
    allow_overlap: leave copies of held-out pictures out of train, instead of an error.
    classes, paths: names for the sentences.

    Raises MartletError for fractions that leave nothing to train on, for a class with a single
    picture when something has to be held out of it, and for content in two given parts.
    """
    _check_fractions(val, test)
    given = list(parts) if parts is not None else [None] * len(labels)
    if not len(labels) == len(digests) == len(given):
        raise MartletError("labels, digests and parts have different lengths.")
    known = {part for part in given if part is not None}
    for part in sorted(known - set(PARTS)):
        raise unknown("part", part, PARTS)
    if None in given and known:
        raise MartletError("parts is given for some pictures and missing for others.")
    placed: list[str | None] = [part or "train" for part in given]
    notes: list[str] = []
    dropped = _resolve_overlap(placed, digests, allow_overlap, paths)
    if dropped:
        notes.append(f"Copies of held-out pictures that are left out: {dropped}.")
    cut = {} if "val" in known else {"val": val}
    if not known or known == {"train"}:
        cut["test"] = test
    elif "test" not in known:
        notes.append("There is no test part: train and val are given, so test stays empty.")
    cut = {part: share for part, share in cut.items() if share > 0}

    def name_of(label: int) -> str:
        return repr(classes[label]) if classes else str(label)

    if cut:
        notes += _hold_out(placed, labels, digests, cut, seed, name_of)
    trained = {label for label, part in zip(labels, placed, strict=True) if part == "train"}
    for label in sorted({*labels, *range(len(classes))} - trained):
        raise MartletError(f"class {name_of(label)} has no readable picture left to train on.")
    return Split(**_indices(placed), digests=tuple(digests), notes=tuple(notes))


def _check_fractions(val: float, test: float) -> None:
    for name, value in (("val", val), ("test", test)):
        if not 0 <= value < 1:
            raise MartletError(f"{name}={value!r} is not a fraction from 0 to below 1.")
    if val + test >= 1:
        raise MartletError(f"val={val:g} and test={test:g} leave nothing to train on.")


def _resolve_overlap(
    placed: list[str | None], digests: Sequence[str], allow: bool, paths: Sequence[str]
) -> int:
    """Count and drop from train (and from val, for a copy in test) what is held out elsewhere."""
    rank = {"train": 0, "val": 1, "test": 2}
    last: dict[str, int] = {}  # content -> index of a copy in the part furthest from training
    for index, digest in enumerate(digests):
        other = last.setdefault(digest, index)
        if rank[placed[index] or ""] > rank[placed[other] or ""]:
            last[digest] = index
    copies = [i for i, digest in enumerate(digests) if placed[i] != placed[last[digest]]]
    if copies and not allow:
        first, other = copies[0], last[digests[copies[0]]]
        names = [paths[i] if paths else f"picture {i}" for i in (first, other)]
        raise MartletError(
            f"{len(copies)} pictures are also in another part, such as {names[0]!r} "
            f"({placed[first]}) and {names[1]!r} ({placed[other]}); remove the copies, or set "
            "allow_overlap to keep them out of training."
        )
    for index in copies:
        placed[index] = None
    return len(copies)


def _hold_out(
    placed: list[str | None],
    labels: Sequence[int],
    digests: Sequence[str],
    fractions: Mapping[str, float],
    seed: int,
    name_of: Callable[[int], str],
) -> list[str]:
    """Move fractions of each class out of train, identical content together; return notes."""
    copies: dict[str, list[int]] = defaultdict(list)
    for index, part in enumerate(placed):
        if part == "train":
            copies[digests[index]].append(index)
    single: dict[int, list[str]] = defaultdict(list)  # contents of one class only
    count: Counter[int] = Counter()
    for digest, indices in copies.items():
        here = {labels[index] for index in indices}
        count.update(here)
        if len(here) == 1:
            single[here.pop()].append(digest)
    unclear = len(copies) - sum(map(len, single.values()))
    notes = []
    if unclear:  # no right answer to score them by
        notes.append(f"Pictures that lie in several classes, used in training only: {unclear}.")
    few: list[str] = []
    for label in sorted(count):
        held = _counts(count[label], fractions)
        if not sum(held.values()):
            raise MartletError(
                f"class {name_of(label)} has one picture to divide; at least 2 different ones are "
                "needed, one to train on and one to hold out."
            )
        order = sorted(single[label], key=lambda digest: _place(seed, digest))
        targets = [part for part in held for _ in range(held[part])]
        for digest, part in zip(order, targets, strict=False):
            for index in copies[digest]:
                placed[index] = part
        if 0 in held.values():
            few.append(name_of(label))
    if few:
        part = max(fractions, key=lambda part: fractions[part])
        notes.append(
            f"Classes with 2 pictures, one for train and one for {part}: "
            f"{', '.join(few[:5])}{f' and {len(few) - 5} more' if len(few) > 5 else ''}."
        )
    return notes


def _counts(total: int, fractions: Mapping[str, float]) -> dict[str, int]:
    """How many of a class's pictures go to each held-out part; at least one is left for train."""
    held = {part: max(1, round(total * share)) for part, share in fractions.items()}
    while sum(held.values()) >= total:  # too few: from the part furthest above its share

        def excess(part: str) -> tuple[bool, float]:
            return held[part] > 1, held[part] - total * fractions[part]

        held[max(held, key=excess)] -= 1
    return held


def _place(seed: int, digest: str) -> bytes:
    return hashlib.blake2b(f"{seed} {digest}".encode(), digest_size=16).digest()


def _indices(parts: Sequence[str | None]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(i for i, part in enumerate(parts) if part == name) for name in PARTS}


def _part_of_digest(saved: Mapping[str, Any]) -> dict[str, str]:
    try:
        if saved["format"] == 1:
            return {digest: part for part in PARTS for _, digest, _ in saved[part]}
    except (KeyError, TypeError, ValueError) as error:
        raise MartletError("the saved split is damaged; train again to make a new one.") from error
    raise MartletError(f"the saved split has format {saved['format']!r}; accepted: 1.")
