"""Others' shards: every tar file is read once, header by header, and each picture looked at.

WebDataset's rule: members that follow each other and have one name up to its first dot are one
sample; what stands behind that dot says what a member is.
"""

import json
import tarfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from martlet.data.class_names import one_form
from martlet.data.kind import Progress
from martlet.data.pictures.content import SUFFIXES
from martlet.data.pictures.list_file import USUAL
from martlet.data.pictures.listed import SPELLINGS
from martlet.data.pictures.shards.index import Index
from martlet.data.pictures.shards.inspect import Inspected, in_order, inspect
from martlet.errors import MartletError

_END = b"\0" * tarfile.BLOCKSIZE
_LARGEST_TEXT = 1 << 20  # bytes of a member with a label
_LABELS = ("cls", "txt")
_PICTURES = tuple(suffix[1:] for suffix in SUFFIXES)
_COMPRESSED = "compressed, and pictures are read where they lie in it: give it unpacked (gunzip)"


class Member(NamedTuple):
    """A file in a tar file: where its bytes lie."""

    name: str
    offset: int
    length: int


class Sample(NamedTuple):
    """A picture with a label; shard: its number; key: its name, or the path in its json."""

    shard: int
    key: str
    member: Member
    label: str
    group: str | None
    part: str | None


def scan_shards(paths: Sequence[Path], progress: Progress | None = None) -> Index:
    """The index of the shards. Raises MartletError for one that is no whole tar file, or has no
    picture with a label."""
    samples: list[Sample] = []
    unlabelled = 0
    for number, path in enumerate(paths):
        for key, members in _grouped(path):
            found = _sample(number, path, key, members)
            samples += [found] if found is not None else []
            unlabelled += found is None and any(kind in members for kind in _PICTURES)
    if not samples:
        raise MartletError(
            f"{str(paths[0])!r} has no picture with a label beside it; give shards of pictures "
            f"({', '.join(_PICTURES[:4])}) with cls, json or txt members."
        )
    seen: list[Inspected] = []
    for one in in_order(samples, lambda sample: _inspected(paths[sample.shard], sample)):
        seen.append(one)
        if progress is not None:
            progress(len(seen), len(samples))
    return _indexed(paths, samples, seen, unlabelled)


def _indexed(
    paths: Sequence[Path], samples: Sequence[Sample], seen: Sequence[Inspected], unlabelled: int
) -> Index:
    good = [(s, i) for s, i in zip(samples, seen, strict=True) if not i.reason]
    bad = [
        (f"{paths[s.shard].name}: {s.member.name}", i.reason)
        for s, i in zip(samples, seen, strict=True)
        if i.reason
    ]
    classes = tuple(sorted({sample.label for sample in samples}))
    number = {name: index for index, name in enumerate(classes)}
    if any(s.part for s, _ in good) and not all(s.part for s, _ in good):
        raise MartletError(f"{str(paths[0])!r} and others say the part of some pictures only.")
    return Index(
        classes,
        tuple(path.name for path in paths),
        tuple(path.stat().st_size for path in paths),
        paths=[sample.key for sample, _ in good],
        members=[sample.member.name for sample, _ in good],
        labels=[number[sample.label] for sample, _ in good],
        parts=[sample.part for sample, _ in good],
        groups=[sample.group for sample, _ in good],
        digests=[one.digest for _, one in good],
        at=[sample.shard for sample, _ in good],
        offsets=[sample.member.offset for sample, _ in good],
        lengths=[sample.member.length for sample, _ in good],
        bad=bad,
        brightest=max((one.brightest for _, one in good), default=255),
        notes=(f"Pictures without a label, left out: {unlabelled}.",) if unlabelled else (),
    )


def members_of(path: Path) -> Iterator[Member]:
    """The files in a tar file. Raises MartletError when it is cut short, or is none."""
    try:
        with tarfile.open(path, "r:") as tar:
            for info in tar:
                if info.isreg():
                    yield Member(info.name, info.offset_data, info.size)
            end = tar.offset
        with open(path, "rb") as file:  # one that is cut between two members just ends
            file.seek(end)
            if file.read(tarfile.BLOCKSIZE) != _END:
                raise tarfile.ReadError("it has no end mark")
    except tarfile.TarError as error:
        with open(path, "rb") as file:
            packed = file.read(2) in (b"\x1f\x8b", b"BZ")
        what = _COMPRESSED if packed else f"cut short, or no tar file ({error})"
        raise MartletError(f"the shard {str(path)!r} is {what}.") from error
    except OSError as error:
        raise MartletError(
            f"the shard {str(path)!r} cannot be read ({error.strerror or error})."
        ) from error


def _grouped(path: Path) -> Iterator[tuple[str, dict[str, Member]]]:
    key = ""
    held: dict[str, Member] = {}
    for member in members_of(path):
        folder, _, name = member.name.rpartition("/")
        stem, _, kind = name.partition(".")
        if stem.startswith(("__", ".")) or not kind:
            continue
        here = f"{folder}/{stem}" if folder else stem
        if here != key:
            if held:
                yield key, held
            key, held = here, {}
        held[kind.lower()] = member
    if held:
        yield key, held


def _sample(shard: int, path: Path, key: str, members: dict[str, Member]) -> Sample | None:
    """None without a picture, or without a label."""
    kind = next((kind for kind in _PICTURES if kind in members), None)
    if kind is None:
        return None
    said: dict[str, Any] = {}
    if "json" in members:
        text = _text(path, members["json"])
        try:
            held = json.loads(text)
        except ValueError as error:
            name = members["json"].name
            raise MartletError(f"the shard {str(path)!r}: {name} is no JSON ({error}).") from error
        said = {str(name).lower(): x for name, x in held.items()} if isinstance(held, dict) else {}
    label = _said(said, ("class", "class_name", *USUAL["label"], "cls"))
    if label is None:
        label = next((_text(path, members[k]).strip() for k in _LABELS if k in members), None)
    if not label:
        return None
    part = (_said(said, USUAL["part"]) or "").lower()
    named = said.get("path")
    key = named if isinstance(named, str) and named else key
    return Sample(
        shard, key, members[kind], one_form(label), _said(said, USUAL["group"]), SPELLINGS.get(part)
    )


def _said(said: dict[str, Any], names: Sequence[str]) -> str | None:
    """The first of these that is there and a text or a whole number."""
    found = (said[name] for name in names if isinstance(said.get(name), (str, int)))
    value = next(found, None)
    return None if value is None else str(value).strip()


def _text(path: Path, member: Member) -> str:
    if member.length > _LARGEST_TEXT:
        raise MartletError(f"the shard {str(path)!r}: {member.name} is too large for a label.")
    return read_member(path, member).decode("utf-8", "replace")


def read_member(path: Path, member: Member) -> bytes:
    """Bytes of a member."""
    with open(path, "rb") as file:
        file.seek(member.offset)
        return file.read(member.length)


def _inspected(path: Path, sample: Sample) -> Inspected:
    return inspect(lambda: read_member(path, sample.member), sample.member.name)
