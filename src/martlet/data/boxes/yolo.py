"""YOLO's texts: for each picture a file, for each box a line of class, centre and size."""

import math
import os
from collections.abc import Sequence
from pathlib import Path

from martlet.data.boxes.class_files import YAML, ClassFile, find_class_file, read_class_file
from martlet.data.boxes.clean import NEAR
from martlet.data.boxes.files import MEBIBYTE, head_of, read_text
from martlet.data.boxes.found import Found, below, shown
from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import counted
from martlet.data.boxes.recognise import NO_LABELS, looks_like_label
from martlet.data.boxes.yolo_parts import parts_of_class_file
from martlet.data.class_names import one_form
from martlet.errors import MartletError

MOST_BYTES = 64 * MEBIBYTE
_LAYERS = ("images", "labels")
Corners = tuple[float, float, float, float]


def read_yolo(paths: Sequence[Path], root: Path, index: Index, classes: Path | None) -> Found:
    """The boxes of all texts, as fractions of the picture's sides.

    A picture's text has its path, with labels in place of images; a picture without one has no
    boxes. Where data.yaml gives parts, pictures in none of them are left out.

    Raises MartletError, with file and line, for a line that is no box and an unknown class.
    """
    found = Found("YOLO txt")
    found.fractions = True
    texts = [
        path
        for path in paths
        if path.suffix.lower() == ".txt" and not NO_LABELS.fullmatch(path.name)
    ]
    file = _class_file(paths, root, index, classes)
    parts = parts_of_class_file(file, index, found.notes) if file else {}
    labels = _labels_of(texts, root, index, found.notes)
    reading = _Reading(found, file)
    without: list[str] = []
    for picture in index.pictures:
        if parts and picture not in parts:
            continue
        number = found.picture(picture, parts.get(picture))
        if picture in labels:
            reading.read(labels[picture], number)
        else:
            without.append(picture)
    found.notes += counted("Pictures without a .txt, taken as without boxes", without)
    unused = [picture for picture in index.pictures if parts and picture not in parts]
    found.notes += counted("Pictures in none of the parts, left out", unused)
    found.notes += counted(
        "Lines with polygons, of which the bounding box is taken",
        [below(path, root) for path in reading.polygons],
    )
    found.classes = reading.classes()
    return found


def _class_file(
    paths: Sequence[Path], root: Path, index: Index, classes: Path | None
) -> ClassFile | None:
    """The names: those asked for, those among the annotations, or those beside them."""
    yamls = [path for path in paths if path.suffix.lower() in YAML]
    if len(yamls) > 1 and classes is None:
        raise MartletError(
            f"{str(yamls[0])!r} and {str(yamls[1])!r} both name classes; name one by classes."
        )
    found = read_class_file(yamls[0]) if len(yamls) == 1 else None
    if found is None:
        found = find_class_file([root, *sorted({path.parent for path in paths})[:8], index.root])
    if classes is None:
        return found
    asked = read_class_file(classes)
    if asked.parts or found is None:
        return asked
    return ClassFile(found.path, asked.names, found.parts, found.base)


def _labels_of(
    texts: Sequence[Path], root: Path, index: Index, notes: list[str]
) -> dict[str, Path]:
    """Picture -> its text."""
    base = Path(os.path.realpath(root))
    by_key: dict[tuple[str, ...], Path] = {}
    for text in texts:
        real = Path(os.path.realpath(text.parent)) / text.name
        start = index.real if real.is_relative_to(index.real) else base
        way = real.relative_to(start) if real.is_relative_to(start) else Path(real.name)
        by_key.setdefault(_key(way.as_posix(), "labels"), text)
    labels = {
        picture: by_key[key]
        for picture in index.pictures
        if (key := _key(picture, "images")) in by_key
    }
    used = set(labels.values())
    orphans: dict[str, list[Path]] = {}
    for text in texts:
        if text not in used:
            orphans.setdefault(one_form(text.stem), []).append(text)
    alone: dict[str, list[str]] = {}  # the others may have their texts in another order of folders
    for picture in index.pictures:
        stem = one_form(os.path.splitext(picture.rpartition("/")[2])[0])
        if picture not in labels and stem in orphans:
            alone.setdefault(stem, []).append(picture)
    for stem, pictures in alone.items():
        if len(pictures) == 1 and len(orphans[stem]) == 1:
            labels[pictures[0]] = orphans.pop(stem)[0]
    left = [text for several in orphans.values() for text in several]
    left = [text for text in left if not head_of(text, 1) or looks_like_label(text)]
    notes += counted("Texts without a picture, left out", [below(text, root) for text in left])
    return labels


def _key(path: str, layer: str) -> tuple[str, ...]:
    """A path without its suffix and without the last of its folders that is called `layer`."""
    *folders, name = one_form(path).split("/")
    for at in reversed(range(len(folders))):
        if folders[at].casefold() == layer:
            del folders[at]
            break
    return *folders, os.path.splitext(name)[0]


class _Reading:
    """Reads text after text into `found`."""

    def __init__(self, found: Found, file: ClassFile | None) -> None:
        self.found = found
        self.file = file
        self.polygons: list[Path] = []  # the text of each line with one
        self._numbers: set[int] = set()

    def read(self, path: Path, picture: int) -> None:
        """All lines of one text."""
        for line, text in enumerate(read_text(path, MOST_BYTES).split("\n"), 1):
            words = text.split()
            if not words:
                continue
            where = f"{str(path)!r}, line {line},"
            try:
                numbers = [float(word) for word in words]
            except ValueError:
                raise MartletError(
                    f"{where} has {shown(text.strip())}; accepted are numbers: class, centre x, "
                    "centre y, width, height."
                ) from None
            name = self._class(numbers[0], where)
            self.found.box(picture, name, self._corners(numbers[1:], path, where), repr(str(path)))

    def classes(self) -> tuple[str, ...]:
        """Names in the order of their numbers, those of one name as one."""
        if self.file is None:
            self.found.notes.append(
                "No names of classes were found (data.yaml, classes.txt, obj.names): their numbers "
                "stand for them."
            )
            return tuple(map(str, sorted(self._numbers)))
        names = [self.file.names[number] for number in sorted(self.file.names)]
        self.found.notes.append(f"Names of {len(names)} classes from {self.file.path.name!r}.")
        twice = [name for at, name in enumerate(names) if name in names[:at]]
        self.found.notes += counted("Classes of a name that another has too, merged", twice)
        return tuple(dict.fromkeys(names))

    def _class(self, value: float, where: str) -> str:
        if not (math.isfinite(value) and value >= 0 and value.is_integer() and value < 2**31):
            raise MartletError(
                f"{where} begins with {value:g}; accepted is the number of a class: 0, 1, 2 …"
            )
        number = int(value)
        if self.file is None:
            self._numbers.add(number)
            return str(number)
        if number not in self.file.names:
            raise MartletError(
                f"{where} has class {number}, and {str(self.file.path)!r} names "
                f"{len(self.file.names)}, {min(self.file.names)} to {max(self.file.names)}; name "
                "it there, or correct the line."
            )
        return self.file.names[number]

    def _corners(self, values: Sequence[float], path: Path, where: str) -> Corners:
        """As fractions; of a polygon those of its bounding box."""
        polygon = len(values) >= 6 and len(values) % 2 == 0
        if len(values) != 4 and not polygon:
            raise MartletError(
                f"{where} has {len(values) + 1} numbers; accepted are class, centre x, centre y, "
                "width, height, or class and the points of a polygon: x1 y1 x2 y2 x3 y3 …"
            )
        for value in values:
            if math.isfinite(value) and not -NEAR <= value <= 1 + NEAR:
                looks = " (looks like pixels in place of fractions)" if value > 1 else ""
                raise MartletError(
                    f"{where} has {value:g}{looks}; accepted are fractions of the picture's sides, "
                    "0 to 1."
                )
        if polygon:
            self.polygons.append(path)
            if not all(map(math.isfinite, values)):
                return (math.nan,) * 4
            xs, ys = values[::2], values[1::2]
            return min(xs), min(ys), max(xs), max(ys)
        x, y, width, height = values
        return x - width / 2, y - height / 2, x + width / 2, y + height / 2
