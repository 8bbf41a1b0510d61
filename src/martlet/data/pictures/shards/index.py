"""The index of shards: what each picture is, and where in which tar file its bytes lie."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from martlet.errors import MartletError

NAME = "shards.json"  # beside the shards that `martlet shard` writes
FORMAT = 1
COLUMNS: Mapping[str, Any] = {  # of a picture each
    "paths": str,  # below the folder that they were read from; of others' shards, the key
    "members": str,  # name in the tar file
    "labels": int,
    "parts": (str, type(None)),
    "groups": (str, type(None)),
    "digests": str,
    "at": int,  # number of the shard
    "offsets": int,  # of the picture's first byte in it
    "lengths": int,
}


@dataclass(frozen=True)
class Index:
    """All pictures of some shards. COLUMNS says what the sequences are; all are of one length.

    shards, sizes: file names, and their bytes.
    bad: name and reason of what cannot be read as a picture, and is none of the pictures.
    brightest: the highest value of all pixels, 0 to 255.
    plan: digest of what the shards were made of; "" for others' shards.
    notes: sentences on what was left out.
    """

    classes: tuple[str, ...]
    shards: tuple[str, ...]
    sizes: tuple[int, ...]
    paths: Sequence[str]
    members: Sequence[str]
    labels: Sequence[int]
    parts: Sequence[str | None]
    groups: Sequence[str | None]
    digests: Sequence[str]
    at: Sequence[int]
    offsets: Sequence[int]
    lengths: Sequence[int]
    bad: Sequence[tuple[str, str]] = ()
    brightest: int = 255
    plan: str = ""
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.paths)

    def only(self, shards: Sequence[str]) -> "Index":
        """The part of it that is about these shards, in this order; classes are those there."""
        place = {self.shards.index(name): new for new, name in enumerate(shards)}
        chosen = [n for n, at in enumerate(self.at) if at in place]
        kept = sorted({self.labels[n] for n in chosen})
        number = {label: new for new, label in enumerate(kept)}
        columns: dict[str, Any] = {c: [getattr(self, c)[n] for n in chosen] for c in COLUMNS}
        columns["at"] = [place[at] for at in columns["at"]]
        columns["labels"] = [number[label] for label in columns["labels"]]
        sizes = tuple(self.sizes[self.shards.index(name)] for name in shards)
        classes = tuple(self.classes[label] for label in kept)
        return Index(
            classes, tuple(shards), sizes, **columns, bad=self.bad, brightest=self.brightest
        )


def to_text(index: Index) -> str:
    """As JSON, with counts for people first."""
    counts = Counter(index.labels)
    part_counts = Counter(part for part in index.parts if part is not None)
    head = {
        "format": FORMAT,
        "pictures": len(index),
        "classes": {name: counts[n] for n, name in enumerate(index.classes)},
        "parts": dict(part_counts),
        "shards": dict(zip(index.shards, index.sizes, strict=True)),
        "bad": list(index.bad),
        "brightest": index.brightest,
        "plan": index.plan,
        "notes": list(index.notes),
    }
    return json.dumps({**head, **{name: list(getattr(index, name)) for name in COLUMNS}})


def from_text(text: str, path: Path | str) -> Index:
    """What `to_text` wrote. Raises MartletError, which names `path`, for anything else."""
    try:
        held = json.loads(text)
        if held["format"] != FORMAT:
            raise MartletError(f"{str(path)!r} has format {held['format']!r}; accepted: {FORMAT}.")
        columns = {name: held[name] for name in COLUMNS}
        count, shards = held["pictures"], tuple(held["shards"])
        whole = all(
            len(column) == count and all(isinstance(value, COLUMNS[name]) for value in column)
            for name, column in columns.items()
        )
        low = min(min(columns[n], default=0) for n in ("labels", "at", "offsets", "lengths"))
        if not whole or low < 0:
            raise ValueError("its columns do not fit together")
        if max(columns["at"], default=-1) >= len(shards):
            raise ValueError("it names shards that it does not have")
        if max(columns["labels"], default=-1) >= len(held["classes"]):
            raise ValueError("it has labels without a class")
        return Index(
            tuple(held["classes"]),
            shards,
            tuple(int(size) for size in held["shards"].values()),
            **columns,
            bad=[(str(name), str(reason)) for name, reason in held["bad"]],
            brightest=int(held["brightest"]),
            plan=str(held["plan"]),
            notes=tuple(map(str, held["notes"])),
        )
    except MartletError:
        raise
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise MartletError(f"{str(path)!r}, the index of shards, is damaged ({error}).") from error
