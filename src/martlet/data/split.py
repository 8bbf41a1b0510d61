"""The only place that splits samples into train, val and test, without leaks between them.

Identical content, and each group (a region, a subject, a recording), stays in one part. Each class
is spread over the parts by the asked fractions, and which sample goes where follows from its
content (its group) and the seed alone: not from file names, their order or a random generator.
Adding samples moves few of the others.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from martlet.data.hold_out import hold_out
from martlet.errors import MartletError, unknown

PARTS = ("train", "val", "test")


@dataclass(frozen=True)
class Split:
    """Indices of the samples in each part, ascending.

    digests: content hash of every sample, in the order the indices count.
    notes: sentences about what is out of the ordinary.
    groups: of every sample, where there are groups.
    caution: a sentence that stands wherever figures of these parts do.
    protocol: what else a kind of data tells of how it split, JSON-safe.

    Raises MartletError when one index, one content, or one group, is in two parts.
    """

    train: tuple[int, ...]
    val: tuple[int, ...]
    test: tuple[int, ...]
    digests: tuple[str, ...] = field(repr=False)
    notes: tuple[str, ...] = ()
    groups: tuple[str, ...] = field(default=(), repr=False)
    caution: str = ""
    protocol: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        part_of: dict[object, str] = {}
        for part in PARTS:
            for index in getattr(self, part):
                group = ("group", self.groups[index]) if self.groups else index
                for key in (index, self.digests[index], group):
                    other = part_of.setdefault(key, part)
                    if other != part:
                        raise MartletError(f"sample {index} is in two parts, {other} and {part}.")

    @property
    def dropped(self) -> tuple[int, ...]:
        """Indices in no part: copies of held-out samples, and samples added later."""
        used = {*self.train, *self.val, *self.test}
        return tuple(index for index in range(len(self.digests)) if index not in used)


def split_samples(
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
    groups: Sequence[str] | None = None,
    noun: str = "picture",
    group: str = "group",
) -> Split:
    """Put every sample into train, val or test.

    labels, digests, parts: class index, content hash and given part (None: not given) of each.
    val, test: fraction of each class's distinct contents. Every class gets at least one
        sample in each part asked for as long as it has enough of them, and always one in train.
    Given parts are kept: when val is not among them it is cut out of train; when only test is
    missing it stays empty.
    allow_overlap: leave copies of held-out samples out of train, instead of an error.
    classes, paths: names for the sentences; noun, group: what they call a sample, and a group.
    groups: what of each sample one part alone may hold; groups that share a content count as one.
        Without them each content is its own, and one of several classes stays in train. A group of
        several classes is held out as any other; the fractions are then of such groups.

    Raises MartletError for fractions that leave nothing to train on, for a class with a single
    sample when something has to be held out of it, and for content in two given parts.
    """
    _check_fractions(val, test)
    given = list(parts) if parts is not None else [None] * len(labels)
    if not len(labels) == len(digests) == len(given):
        raise MartletError("labels, digests and parts have different lengths.")
    known = {part for part in given if part is not None}
    for part in sorted(known - set(PARTS)):
        raise unknown("part", part, PARTS)
    if None in given and known:
        raise MartletError(f"parts is given for some {noun}s and missing for others.")
    placed: list[str | None] = [part or "train" for part in given]
    notes: list[str] = []
    keys = digests if groups is None else joined(groups, digests)
    shared = "are also" if groups is None else f"have their {group}, or content,"
    dropped = _resolve_overlap(placed, keys, allow_overlap, paths, noun, shared)
    if dropped:
        notes.append(f"Copies of held-out {noun}s that are left out: {dropped}.")
    if "val" in known and "test" not in known:
        notes.append("There is no test part: train and val are given, so test stays empty.")
    cut = _to_cut(known, val, test)

    def name_of(label: int) -> str:
        return repr(classes[label]) if classes else str(label)

    if cut:
        whole = groups is not None
        unit = group if whole else noun
        notes += hold_out(placed, labels, keys, cut, seed, name_of, unit, whole=whole)
    trained = {label for label, part in zip(labels, placed, strict=True) if part == "train"}
    if missing := sorted({*labels, *range(len(classes))} - trained):
        others = "" if groups is None else f"; another seed holds out other {group}s"
        named = ", ".join(map(name_of, missing[:5])) + (", …" if len(missing) > 5 else "")
        pairs = zip(labels, placed, strict=True)
        held = sorted({part for label, part in pairs if label in missing and part})
        if held and known:
            others = f"; what there is lies in {' and '.join(held)}: give train some of it"
        raise MartletError(
            f"class{'es' * (len(missing) > 1)} {named} {'have' if len(missing) > 1 else 'has'} no "
            f"readable {noun} left to train on{others}."
        )
    found = _indices(placed)
    return Split(
        found[0],
        found[1],
        found[2],
        digests=tuple(digests),
        notes=tuple(notes),
        groups=tuple(groups or ()),
    )


def _to_cut(known: Collection[str], val: float, test: float) -> dict[str, float]:
    """The shares to cut out of train, where these parts are given."""
    shares = {"val": val, "test": test if set(known) <= {"train"} else 0.0}
    return {part: share for part, share in shares.items() if share > 0 and part not in known}


def joined(groups: Sequence[str], digests: Sequence[str]) -> list[str]:
    """The group of each sample, under one name for groups that share a content."""
    names: dict[str, str] = {}

    def name_of(group: str) -> str:
        while names.setdefault(group, group) != group:
            group = names[group]
        return group

    first: dict[str, str] = {}  # content -> the first of its groups
    for group, digest in zip(groups, digests, strict=True):
        pair = sorted((name_of(group), name_of(first.setdefault(digest, group))))
        names[pair[1]] = pair[0]
    return [name_of(group) for group in groups]


def _check_fractions(val: float, test: float) -> None:
    for name, value in (("val", val), ("test", test)):
        if not 0 <= value < 1:
            raise MartletError(f"{name}={value!r} is not a fraction from 0 to below 1.")
    if val + test >= 1:
        raise MartletError(f"val={val:g} and test={test:g} leave nothing to train on.")


def _resolve_overlap(
    placed: list[str | None],
    digests: Sequence[str],
    allow: bool,
    paths: Sequence[str],
    noun: str,
    shared: str,
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
        names = [paths[i] if paths else f"{noun} {i}" for i in (first, other)]
        raise MartletError(
            f"{len(copies)} {noun}s {shared} in another part, such as {names[0]!r} "
            f"({placed[first]}) and {names[1]!r} ({placed[other]}); remove the copies, or set "
            "allow_overlap to keep them out of training."
        )
    for index in copies:
        placed[index] = None
    return len(copies)


def _indices(parts: Sequence[str | None]) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(i for i, part in enumerate(parts) if part == name) for name in PARTS)
