"""Pascal VOC: one XML file for each picture, and lists of the parts in ImageSets/Main."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from martlet.data.boxes.files import MEBIBYTE, read_text
from martlet.data.boxes.found import Found, below
from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import counted
from martlet.data.boxes.voc_xml import VocFile, read_voc_xml
from martlet.data.class_names import one_form
from martlet.data.pictures.content import SUFFIXES
from martlet.errors import MartletError, quoted

LISTS = {"train": "train", "val": "val", "test": "test", "trainval": "train"}


def read_voc(paths: Sequence[Path], root: Path, index: Index) -> Found:
    """The boxes of all XML files, as VOC counts pixels: from 1, right and bottom inclusive.

    A picture is found by the file name that its XML says, or else by the XML's own name; the
    latter too where one name stands in several. With lists of parts, XML files that none of them
    names are left out.

    Raises MartletError for broken files, and a picture in two parts.
    """
    found = Found("Pascal VOC")
    files = {path: read_voc_xml(path) for path in paths}
    lists = {folder: _list_folder(folder) for folder in {path.parent for path in paths}}
    stems = {one_form(path.stem) for path in paths}
    parts = {there: _read_lists(there, stems) for there in {*lists.values()} - {None}}
    given = any(parts.values())
    named = {path: _named(path, file, index) for path, file in files.items()}
    claims = Counter(name for name in named.values() if name)
    other_name: list[str] = []
    missing: list[str] = []
    unlisted: list[str] = []
    lost = 0
    for path, file in files.items():
        part = parts.get(lists[path.parent], {}).get(one_form(path.stem))
        if given and part is None:
            unlisted.append(below(path, root))
            continue
        picture = named[path]
        if not picture or claims[picture] > 1:
            picture = index.with_stem(path.stem, path) or picture
            if picture and picture != named[path]:
                other_name.append(f"{below(path, root)} says {file.filename}")
        if not picture:
            missing.append(below(path, root))
            lost += len(file.boxes)
            continue
        number = found.picture(picture, part, file.size)
        for box in file.boxes:
            found.box(number, box.name, box.corners, repr(str(path)))
    found.notes += counted("XML files with another file name than their picture's", other_name)
    found.notes += counted(f"XML files without a picture, left out with {lost} boxes", missing)
    found.notes += counted("XML files in no list of ImageSets/Main, left out", unlisted)
    unused = [name for listed in parts.values() for name in listed if name not in stems]
    found.notes += counted("Names in ImageSets/Main without an XML file", unused)
    polygons = [below(path, root) for path, file in files.items() if file.without_box]
    objects = sum(file.without_box for file in files.values())
    found.notes += counted(f"XML files with objects without a box ({objects}), dropped", polygons)
    _count_from(found)
    return found


def _named(path: Path, file: VocFile, index: Index) -> str | None:
    """The picture that an XML file says by its name, with or without a suffix."""
    if not file.filename:
        return None
    picture = index.find(file.filename, path)
    if picture is None and Path(file.filename).suffix.lower() not in SUFFIXES:
        picture = index.with_stem(file.filename, path)
    return picture


def _count_from(found: Found) -> None:
    """Whether pixels count from 1, as VOC says, or from 0: then some box begins there."""
    corners = found.corners()
    corners = corners[np.isfinite(corners).all(axis=1)]
    low, high = (which(corners[:, :2], corners[:, 2:]) for which in (np.minimum, np.maximum))
    begins = ((low >= 0) & (low < 1)).any(axis=1) & (high > low).all(axis=1)
    found.from_one = not begins.any()
    if not found.from_one:
        found.notes.append(
            f"Pixels count from 0, not from 1 as in Pascal VOC: {begins.sum()} boxes begin at 0."
        )


def _list_folder(folder: Path) -> Path | None:
    """The folder of lists that belongs to a folder of XML files, which may have folders itself."""
    around = [parent / "ImageSets" / "Main" for parent in (folder.parent, folder.parent.parent)]
    return next((there for there in around if there.is_dir()), None)


def _read_lists(lists: Path | None, stems: set[str]) -> dict[str, str]:
    """Name of an XML file without its suffix -> part; `stems` are those that there are.

    Raises MartletError for a name in two parts.
    """
    parts: dict[str, str] = {}
    if lists is None:
        return parts
    there = [name for name in LISTS if (lists / f"{name}.txt").is_file()]
    if "trainval" in there and ("train" in there or "val" in there):
        there.remove("trainval")  # it is the two together
    for name in there:
        path = lists / f"{name}.txt"
        for line, text in enumerate(read_text(path, 64 * MEBIBYTE).split("\n"), 1):
            stem = _stem(text, stems)
            if stem and parts.setdefault(stem, LISTS[name]) != LISTS[name]:
                raise MartletError(
                    f"{str(path)!r} names {quoted(stem, 80)} in line {line}, which is in the list "
                    f"of {parts[stem]} too; a picture has one part: take it out of one list."
                )
    return parts


def _stem(line: str, stems: set[str]) -> str:
    """Of a line "name", "name 1", "name.jpg" or "folder/name.jpg"."""
    text = one_form(line.strip())
    if text in stems:
        return text
    if text.rpartition(" ")[2] in ("1", "-1", "0"):
        text = text.rpartition(" ")[0].strip()
    text = text.replace("\\", "/").rpartition("/")[2]
    name = Path(text)
    return name.stem if name.suffix.lower() in (*SUFFIXES, ".xml") else text
