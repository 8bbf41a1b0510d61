"""The parts that data.yaml, or lists of pictures beside the names, give."""

import os
from pathlib import Path

from martlet.data.boxes.class_files import ClassFile
from martlet.data.boxes.files import MEBIBYTE, read_text
from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import counted
from martlet.errors import MartletError, quoted

MOST_BYTES = 256 * MEBIBYTE


def parts_of_class_file(file: ClassFile, index: Index, notes: list[str]) -> dict[str, str]:
    """Picture -> part; empty where no entry leads to a picture. Adds to `notes`.

    An entry is a folder of pictures or a list of them; one from another machine is looked for by
    the end of its path. Raises MartletError for a picture in two parts, and where the training
    part is not there though another is.
    """
    parts: dict[str, str] = {}
    absent: dict[str, str] = {}  # part -> an entry that is not here
    for part, entries in file.parts.items():
        for entry in entries:
            place = _place(entry, file, index)
            if place is None:
                absent[part] = entry
                continue
            for picture in _pictures(place, index, notes):
                if parts.setdefault(picture, part) != part:
                    raise MartletError(
                        f"{str(file.path)!r} has {quoted(picture, 120)} in two parts, "
                        f"{parts[picture]} and {part}; a picture has one: leave val or test out to "
                        "have it cut from train."
                    )
    if "train" in absent and parts:
        raise MartletError(
            f"{str(file.path)!r} has train={absent['train']!r}, which is neither a folder nor a "
            f"list of pictures here; correct it."
        )
    told = [f"{part}: {entry}" for part, entry in absent.items()]
    notes += counted(f"Parts in {file.path.name} whose pictures are not here", told)
    return parts


def _place(entry: str, file: ClassFile, index: Index) -> Path | None:
    """The folder or list that an entry means, or None."""
    entry = entry.replace("\\", "/")
    own = file.path.parent
    below = [own / file.base.replace("\\", "/"), own] if file.base else [own]
    found = [folder / entry for folder in below]
    steps = [step for step in entry.split("/") if step not in ("", ".", "..")]
    for start in range(len(steps)):
        rest = "/".join(steps[start:])
        found += [folder / rest for folder in (*below, index.root)]
    return next((path for path in found if os.path.exists(path)), None)


def _pictures(place: Path, index: Index, notes: list[str]) -> list[str]:
    if os.path.isdir(place):
        return index.inside(place)
    found: list[str] = []
    missing: list[str] = []
    for text in read_text(place, MOST_BYTES).split("\n"):
        if text.strip():
            picture = index.find(text.strip(), place)
            (missing if picture is None else found).append(picture or text.strip())
    notes += counted(f"Pictures in {place.name} that are not there", missing)
    return found
