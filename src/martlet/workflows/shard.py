"""How `shard` reads pictures and writes tar files of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from martlet.console.progress import Voice
from martlet.data.pictures.list_file import Columns, is_list
from martlet.data.pictures.listed import scan_list
from martlet.data.pictures.read import scan
from martlet.data.pictures.shards.write import write_shards
from martlet.errors import MartletError
from martlet.memory import bytes_of
from martlet.storage.claim import claimed


@dataclass(frozen=True)
class Sharded:
    """What lies in the folder now. bytes: of all shards; bad: pictures that were left out."""

    folder: Path
    shards: int
    pictures: int
    classes: int
    bytes: int
    bad: int


def write(
    data: Path,
    output: Path,
    size: str,
    name: str | None,
    max_bad: float,
    columns: Mapping[str, Any],
    *,
    overwrite: bool,
    quiet: bool,
) -> Sharded:
    """Raises MartletError for a name that is none of a file, and what cannot be read or written."""
    voice, most = Voice(quiet), bytes_of("size", size)
    called = data.resolve().stem if name is None else name
    if not called or any(c in called for c in "/\\{}*?[]") or called.startswith((".", "__")):
        raise MartletError(f"name={called!r} is not accepted; give the start of a file's name.")
    chosen = Columns(**columns)
    if is_list(data):
        listing = scan_list(data, chosen, min_classes=1)
    else:
        chosen.refuse(data)
        listing = scan(data, min_classes=1)
    for sentence in listing.notes:
        voice.say(sentence)
    with claimed(output), voice.counting("writing shards") as progress:
        index = write_shards(
            listing, output, called, most, max_bad=max_bad, overwrite=overwrite, progress=progress
        )
    for path, reason in index.bad[:20]:
        voice.say(f"left out: {path!r} {reason}")
    return Sharded(
        output, len(index.shards), len(index), len(index.classes), sum(index.sizes), len(index.bad)
    )
