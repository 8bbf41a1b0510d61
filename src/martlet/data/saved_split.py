"""What split.json holds: which content each part of a run has, written once and asked later."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from martlet.data.kind import Samples
from martlet.data.split import PARTS, Split
from martlet.errors import MartletError


def to_save(split: Split, samples: Samples) -> dict[str, Any]:
    """Path, content hash, class (and group) of each part's samples, and what is said of the split,
    as JSON knows it."""
    names, labels, classes = samples.names, samples.labels, samples.classes
    columns = ["path", "digest", "class", "group"]
    rows = {
        part: [
            [names[i], split.digests[i], classes[labels[i]], *split.groups[i : i + 1]]
            for i in getattr(split, part)
        ]
        for part in (*PARTS, "dropped")
    }
    said = {"caution": split.caution, "protocol": dict(split.protocol)}
    known = {name: value for name, value in said.items() if value}
    return {"format": 1, "columns": columns if split.groups else columns[:3], **known, **rows}


def digest(saved: Any) -> str:
    """Of a saved split as JSON knows it; the checkpoints of a run carry it, and nothing is scored
    by a split of another one."""
    text = json.dumps(saved, sort_keys=True, separators=(",", ":"))
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def is_saved(content: Any) -> bool:
    """Whether this is what `to_save` makes, of any format."""
    return isinstance(content, dict) and {"format", "columns", *PARTS} <= content.keys()


def held_out(
    digests: Sequence[str], saved: Mapping[str, Any], groups: Sequence[str] | None = None
) -> list[str | None]:
    """The part in which each content was, or its group, by a saved split; None: in none.

    "dropped" is what the split left out: pixels between regions, say, which training has seen in
    its windows.

    Raises MartletError when `saved` is no saved split, or one of another format.
    """
    part_of = _parts(saved, "digest")
    if (
        groups is None or "group" not in saved["columns"]
    ):  # split one by one, though groups are known
        return [part_of.get(digest) for digest in digests]
    of_group = _parts(saved, "group")
    pairs = zip(digests, groups, strict=True)
    return [part_of.get(digest, of_group.get(group)) for digest, group in pairs]


def _parts(saved: Mapping[str, Any], column: str) -> dict[str, str]:
    """The part of each content, or group; what lies in a part too is not dropped."""
    try:
        if saved["format"] == 1:
            at = saved["columns"].index(column)
            return {row[at]: part for part in ("dropped", *PARTS) for row in saved[part]}
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        raise MartletError("the saved split is damaged; train again to make a new one.") from error
    raise MartletError(f"the saved split has format {saved['format']!r}; accepted: 1.")
