"""Labelled pictures written as WebDataset shards: their own bytes, class and what else is known."""

import hashlib
import io
import json
import os
import shutil
import tarfile
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from martlet.data.kind import Progress
from martlet.data.odd import refuse_too_many
from martlet.data.pictures.decode import BadPicture, read_bytes
from martlet.data.pictures.read import Listing, Picture
from martlet.data.pictures.shards.index import NAME, Index, from_text, to_text
from martlet.data.pictures.shards.inspect import Inspected, digest_of, in_order, inspect
from martlet.errors import MartletError
from martlet.memory import in_words
from martlet.storage.files import replacing, write_text

UNFINISHED = ".shards-unfinished"  # what the shards beside it are made of, before all are there


class Entry(NamedTuple):
    """A picture to write, under the name `stem` + `suffix`, with two small files beside it."""

    picture: Picture
    seen: Inspected
    stem: str
    suffix: str
    cls: bytes
    about: bytes

    @property
    def member(self) -> str:
        """The name of the picture in its tar file."""
        return self.stem + self.suffix

    @property
    def blocks_bytes(self) -> int:
        """Of all its blocks in a tar file: a header for each file, and its content filled up."""
        block = tarfile.BLOCKSIZE
        lengths = (self.seen.length, len(self.cls), len(self.about))
        return sum(block + -(-length // block) * block for length in lengths)


def write_shards(
    listing: Listing,
    folder: Path,
    name: str,
    size: int,
    *,
    max_bad: float = 0.01,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> Index:
    """Write NAME-000000.tar and so on, none above `size` bytes but of a single picture, and their
    index. Pictures are in the order of their content's hash, so that each shard is a mixture; those
    of given parts lie in shards of their own, NAME-train-000000.tar.

    Each shard is whole or not there; the same call again goes on where an earlier one ended.
    Raises MartletError when more than `max_bad` cannot be read, when `folder` holds shards of
    other pictures, and when the disk has no room, before anything is written.
    """
    entries, bad = _inspect_all(listing, max_bad, progress)
    shards = _planned(entries, name, size)
    plan = _digest(shards)
    before = _before(folder, plan, overwrite)
    if before is not None:
        return before
    lacking = {one: held for one, held in shards.items() if _here(folder / one) != _bytes(held)}
    _check_room(folder, sum(_bytes(held) for held in lacking.values()))
    folder.mkdir(parents=True, exist_ok=True)
    write_text(folder / UNFINISHED, plan)
    for done, (one, held) in enumerate(lacking.items()):
        _write_shard(folder / one, listing, held)
        if progress is not None:
            progress(done + 1, len(lacking))
    index = _indexed(listing, shards, bad, plan)
    write_text(folder / NAME, to_text(index))
    (folder / UNFINISHED).unlink(missing_ok=True)
    return index


def _inspect_all(
    listing: Listing, max_bad: float, progress: Progress | None
) -> tuple[list[Entry], list[BadPicture]]:
    """The readable pictures, in the order in which they are written, and the others."""

    def look(picture: Picture) -> Inspected:
        path = os.path.join(listing.root, picture.path)
        return inspect(lambda: read_bytes(path), path)

    found: list[tuple[Picture, Inspected]] = []
    bad: list[BadPicture] = []
    for number, one in enumerate(in_order(listing.pictures, look)):
        picture = listing.pictures[number]
        if one.reason:
            bad.append(BadPicture(picture.path, one.reason))
        else:
            found.append((picture, one))
        if progress is not None:
            progress(number + 1, len(listing.pictures))
    refuse_too_many(bad, len(listing.pictures), max_bad)
    found.sort(key=lambda pair: (pair[0].part or "", pair[1].digest, pair[0].path))
    return [_entry(listing, number, *pair) for number, pair in enumerate(found)], bad


def _entry(listing: Listing, number: int, picture: Picture, seen: Inspected) -> Entry:
    about = {
        "class": listing.classes[picture.label],
        "label": picture.label,
        "path": picture.path,
        **({"part": picture.part} if picture.part else {}),
        **({"group": picture.group} if picture.group else {}),
    }
    suffix = os.path.splitext(picture.path)[1].lower() or seen.suffix
    cls = str(picture.label).encode()
    return Entry(picture, seen, f"{number:08d}", suffix, cls, json.dumps(about).encode())


def _planned(entries: Sequence[Entry], name: str, size: int) -> dict[str, list[Entry]]:
    """File name -> its pictures."""
    shards: dict[str, list[Entry]] = {}
    counts: Counter[str] = Counter()
    present, filled = None, 0
    for entry in entries:
        part = entry.picture.part or ""
        if part != present or _padded(filled + entry.blocks_bytes) > size:
            start = f"{name}-{part}" if part else name
            here = shards.setdefault(f"{start}-{counts[part]:06d}.tar", [])
            counts[part] += 1
            present, filled = part, 0
        here.append(entry)
        filled += entry.blocks_bytes
    return shards


def _padded(content: int) -> int:
    """Bytes of a tar file with `content` bytes of blocks: two of zeros, then full records."""
    return -(-(content + 2 * tarfile.BLOCKSIZE) // tarfile.RECORDSIZE) * tarfile.RECORDSIZE


def _bytes(entries: Sequence[Entry]) -> int:
    return _padded(sum(entry.blocks_bytes for entry in entries))


def _digest(shards: dict[str, list[Entry]]) -> str:
    """Of all that decides the shards' bytes."""
    total = hashlib.blake2b(digest_size=16)
    for name, entries in shards.items():
        total.update(name.encode())
        for entry in entries:
            total.update(entry.member.encode() + entry.cls + entry.about)
            total.update(entry.seen.digest.encode())
    return total.hexdigest()


def _before(folder: Path, plan: str, overwrite: bool) -> Index | None:
    """The index, where all was done before; shards of other pictures are removed, or refused."""
    if not folder.exists():
        return None
    if not folder.is_dir():
        raise MartletError(f"{str(folder)!r} is a file; give a folder for the shards.")
    made = ""
    with suppress(OSError, UnicodeError):
        made = (folder / UNFINISHED).read_text(encoding="utf-8")
    if made == plan:
        return None
    old = sorted(folder.glob("*.tar"))
    if (folder / NAME).is_file():
        with suppress(MartletError):
            index = from_text((folder / NAME).read_text(encoding="utf-8"), folder / NAME)
            whole = all(
                _here(folder / one) == size
                for one, size in zip(index.shards, index.sizes, strict=True)
            )
            if index.plan == plan:
                return index if whole else None
            old = [folder / one for one in index.shards]
    if old and not overwrite:
        raise MartletError(
            f"{str(folder)!r} holds shards of other pictures, or of another size or name, such as "
            f"{old[0].name!r}; give another folder, or overwrite."
        )
    (folder / NAME).unlink(missing_ok=True)  # first: no index names shards that are gone
    for path in old:
        path.unlink(missing_ok=True)
    return None


def _here(path: Path) -> int:
    return path.stat().st_size if path.is_file() else -1


def _check_room(folder: Path, needed: int) -> None:
    there = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    free = shutil.disk_usage(there).free
    if needed > free:
        raise MartletError(
            f"the shards need {in_words(needed)}, and {str(folder)!r} has {in_words(free)} left; "
            "give a folder with more room."
        )


def _write_shard(path: Path, listing: Listing, entries: Sequence[Entry]) -> None:
    with (
        replacing(path, "the same command goes on with the shards that are there") as beside,
        tarfile.open(beside, "w", format=tarfile.USTAR_FORMAT) as tar,
    ):
        for entry in entries:
            where = os.path.join(listing.root, entry.picture.path)
            content = read_bytes(where)
            if digest_of(content) != entry.seen.digest:
                raise MartletError(f"{where!r} changed while shards were written; write them anew.")
            files = ((entry.suffix, content), (".cls", entry.cls), (".json", entry.about))
            for suffix, held in files:
                info = tarfile.TarInfo(entry.stem + suffix)  # no time, no owner: always the same
                info.size = len(held)
                tar.addfile(info, io.BytesIO(held))


def _indexed(
    listing: Listing, shards: dict[str, list[Entry]], bad: Sequence[BadPicture], plan: str
) -> Index:
    entries = [entry for held in shards.values() for entry in held]
    pictures = [entry.picture for entry in entries]
    offsets: list[int] = []
    for held in shards.values():
        at = 0
        for entry in held:
            offsets.append(at + tarfile.BLOCKSIZE)
            at += entry.blocks_bytes
    left = (f"{len(listing.ignored)} files left out, no pictures.",) if listing.ignored else ()
    return Index(
        listing.classes,
        tuple(shards),
        tuple(_bytes(held) for held in shards.values()),
        paths=[picture.path for picture in pictures],
        members=[entry.member for entry in entries],
        labels=[picture.label for picture in pictures],
        parts=[picture.part for picture in pictures],
        groups=[picture.group for picture in pictures],
        digests=[entry.seen.digest for entry in entries],
        at=[number for number, held in enumerate(shards.values()) for _ in held],
        offsets=offsets,
        lengths=[entry.seen.length for entry in entries],
        bad=[(one.path, one.reason) for one in bad],
        brightest=max(entry.seen.brightest for entry in entries),
        plan=plan,
        notes=(*listing.notes, *left),
    )
