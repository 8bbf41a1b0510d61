"""Which part, train, val or test, the names of files and folders say."""

import os
import re
from collections.abc import Sequence
from pathlib import Path

from martlet.data.pictures.listed import SPELLINGS
from martlet.errors import MartletError, quoted

_WORDS = {**SPELLINGS, "trainval": "train"}
_OF_NO_PART = {  # words that stand beside a part in a folder's name
    *("image", "images", "img", "imgs", "jpegimages", "picture", "pictures", "photos", "labels"),
    *("annotations", "data", "dataset", "set"),
}


def part_of(name: str) -> str | None:
    """The part that one word of a file's name says: "instances_val2017" is val, "valley" none."""
    said = {_WORDS[word] for word in _words(name) if word in _WORDS}
    return said.pop() if len(said) == 1 else None


def part_of_folder(name: str) -> str | None:
    """That of a folder: "train", "val2017" and "test_images" say one, "train_station" none."""
    own = _words(name) - _OF_NO_PART
    return part_of(name) if own <= _WORDS.keys() else None


def _words(name: str) -> set[str]:
    return set(re.findall(r"[^\W\d_]+", name.casefold()))


def parts_of_files(paths: Sequence[Path], root: Path) -> list[str | None]:
    """The part of each annotation file, by its name or else by a folder on the way from `root`.

    One file alone has none. Raises MartletError where some have one, and others do not.
    """
    if len(paths) < 2:
        return [None] * len(paths)
    found: list[str | None] = []
    for path in paths:
        names = [path.stem]
        if path.is_relative_to(root):
            names += path.relative_to(root).parts[-2::-1]
        found.append(next((part for name in names if (part := part_of(name))), None))
    if any(found) and None in found:
        raise MartletError(
            f"{str(paths[found.index(None)])!r} has no train, val or test in its name, which "
            f"{sum(1 for part in found if part)} of {len(paths)} annotation files have; rename it, "
            "or leave it out."
        )
    return found


def parts_of_folders(pictures: Sequence[str]) -> list[str | None]:
    """The part of each picture, by the first folder on its way that says one.

    A set without a train folder and another part's has no parts: a lone "test" may be anything.
    Raises MartletError for pictures outside of such folders.
    """
    ways = [os.path.dirname(path) for path in pictures]
    of_way = {
        way: next((part for name in way.split("/") if (part := part_of_folder(name))), None)
        for way in set(ways)
    }
    found = [of_way[way] for way in ways]
    if len(set(found) - {None}) < 2 or "train" not in found:
        return [None] * len(found)
    if None in found:
        raise MartletError(
            f"{found.count(None)} pictures lie outside of the folders that say train, val or test, "
            f"such as {quoted(pictures[found.index(None)], 120)}; move them, or give the parts by "
            "the annotations."
        )
    return found
