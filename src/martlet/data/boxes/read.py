"""Bounding boxes from Pascal VOC, COCO JSON, YOLO txt or CSV, held against the pictures.

What real files hold is treated like this, and each is a note with its count and an example:

- Boxes without area, wholly outside of their picture, or with a corner that is no finite number
  are dropped. Swapped corners are put right, and boxes partly outside are clipped.
- Of exact doubles, the same box and class twice in one picture, one is kept.
- The annotation's size of a picture is only compared: the picture's own counts.
- Pictures that EXIF turns: the boxes are of the upright picture, as a person sees it; with
  boxes_for="stored" they are of the picture as it is stored, and are turned with it.
- Pictures without boxes are kept. A picture that VOC, COCO or CSV do not name is not annotated,
  and is left out; one without a .txt has no boxes, as Ultralytics has it.
- Annotations whose picture is not there, or cannot be read, are left out.
- VOC's pixels count from 1 and are inclusive; where a box of the set begins at 0 they count from 0,
  right and bottom exclusive, as most programs write them. Its `difficult` boxes are ordinary ones.
- COCO's crowds are kept and marked. Categories of one name are one class.
- YOLO's fractions outside 0 to 1 by up to 2 % are clipped, and polygons become their bounding box.
- Parts are those of ImageSets/Main, of several JSON or CSV files, of data.yaml, of a column, or of
  folders called train, val and test; else there are none.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, NamedTuple

from martlet.arguments import checked
from martlet.data.boxes.class_files import YAML, read_class_file
from martlet.data.boxes.clean import BoxesFor, clean
from martlet.data.boxes.coco import read_coco
from martlet.data.boxes.found import Found, below
from martlet.data.boxes.index import Index
from martlet.data.boxes.listing import Boxes, BoxListing, counted
from martlet.data.boxes.parts import parts_of_folders
from martlet.data.boxes.recognise import Recognised, recognise
from martlet.data.boxes.sizes import Header, read_headers
from martlet.data.boxes.table import read_csv
from martlet.data.boxes.voc import read_voc
from martlet.data.boxes.yolo import read_yolo
from martlet.data.pictures.decode import BadPicture
from martlet.data.pictures.list_file import listed
from martlet.errors import MartletError, quoted

__all__ = ["BoxListing", "Boxes", "read_boxes"]


def read_boxes(
    pictures: Path,
    annotations: Path | Sequence[Path],
    *,
    boxes_for: Literal["upright", "stored"] = "upright",
    classes: Path | None = None,
) -> BoxListing:
    """The pictures below a folder, with the boxes that annotations give them.

    annotations: a folder, a file, or several of one format, which is recognised; a data.yaml stands
    for the folder that it lies in.
    boxes_for: which picture the boxes are of, where EXIF turns it.
    classes: a file with the names of the classes in their order; the annotations may have no
    others. Without it YOLO's are those of data.yaml or classes.txt, COCO's in the order of their
    ids, and those of VOC and CSV sorted.

    Of the pictures the headers are read, not the pixels. Raises MartletError for a format that is
    not recognised, damaged files (with the line), pictures or annotations that belong to none of
    the others, and where no box is left.
    """
    pictures = checked("pictures", pictures, Path)
    given: tuple[Path, ...] = checked("annotations", annotations, Sequence[Path])
    boxes_for = checked("boxes_for", boxes_for, BoxesFor)
    if not given:
        raise MartletError("annotations names no file and no folder; give one or more.")
    if classes is not None:
        classes = checked("classes", classes, Path)
    given = tuple(path.parent if path.suffix in YAML else path for path in given)
    recognised = recognise(given)
    index = Index(pictures)
    found = _read(recognised, index, classes)
    asked = None if classes is None else list(read_class_file(classes).names.values())
    names = found.order_classes(asked, str(classes))
    if not found.pictures:
        raise _nothing_fits(recognised, found, index)
    if not any(found.parts):
        found.parts = parts_of_folders(list(found.pictures))
    notes = [*found.notes, *_about_files(recognised, found, index)]
    headers = _headers(index.root, list(found.pictures))
    notes += _about_sizes(found, headers.known, boxes_for)
    notes += headers.notes
    cleaned = clean(found, found.labels(names), headers.known, boxes_for)
    notes += cleaned.notes
    return _listing(index.root, found, names, headers, cleaned.boxes, notes, recognised)


class _Headers(NamedTuple):
    """known: aligned with the pictures, None for one that cannot be read."""

    known: list[Header | None]
    bad: list[BadPicture]

    @property
    def notes(self) -> list[str]:
        told = [f"{bad.path} {bad.reason}" for bad in self.bad]
        return counted("Pictures that cannot be read, left out", told)


def _read(recognised: Recognised, index: Index, classes: Path | None) -> Found:
    format, paths, root, _ = recognised
    if format == "yolo":
        return read_yolo(paths, root, index, classes)
    readers = {"voc": read_voc, "coco": read_coco, "csv": read_csv}
    return readers[format](paths, root, index)


def _headers(root: Path, names: Sequence[str]) -> _Headers:
    found = list(read_headers(root, names))
    bad = [one for one in found if isinstance(one, BadPicture)]
    if len(bad) == len(found):
        raise MartletError(
            f"none of the {len(bad)} annotated pictures can be read: {bad[0].path!r} "
            f"{bad[0].reason}."
        )
    return _Headers([None if isinstance(one, BadPicture) else one for one in found], bad)


def _nothing_fits(recognised: Recognised, found: Found, index: Index) -> MartletError:
    """Annotations and pictures, none of which belong together."""
    why = "".join(f" {note.rstrip('.')};" for note in found.notes[-2:])
    return MartletError(
        f"annotations ({found.format}, {len(recognised.paths)} files) name none of the "
        f"{len(index.pictures)} pictures below {str(index.root)!r}, such as "
        f"{quoted(index.pictures[0], 80)}:{why} give the folder that their pictures lie in."
    )


def _about_files(recognised: Recognised, found: Found, index: Index) -> list[str]:
    """Notes on files and pictures that do not take part."""
    left = [below(path, recognised.root) for path in recognised.left_out]
    notes = counted("Other files beside the annotations, not read", left)
    if recognised.format != "yolo":  # there a picture without a text has no boxes
        unnamed = [path for path in index.pictures if path not in found.pictures]
        notes += counted("Pictures without an annotation, left out", unnamed)
    return notes


def _about_sizes(found: Found, headers: Sequence[Header | None], boxes_for: BoxesFor) -> list[str]:
    """Notes on sizes that annotations say and pictures do not have, and on turned pictures."""
    wrong, stored, on_its_side = [], [], []
    for name, declared, header in zip(found.pictures, found.declared, headers, strict=True):
        if header is None:
            continue
        seen = header[:2] if boxes_for == "stored" else header.upright
        if header.orientation != 1:
            on_its_side.append(name)
        if declared in (None, seen):
            continue
        if boxes_for == "upright" and declared == header[:2]:
            stored.append(name)
            continue
        wrong.append(f"{name}: {declared} for {seen}")
    way = "are turned with them" if boxes_for == "stored" else "are of the upright pictures"
    return [
        *counted(f"Pictures that EXIF turns; their boxes {way}", on_its_side),
        *counted(
            "Pictures whose annotation has the size before EXIF turns them",
            stored,
            '; if their boxes are of the stored pictures too, use boxes_for="stored"',
        ),
        *counted("Annotations with another size than their picture's, which counts", wrong),
    ]


def _listing(
    root: Path,
    found: Found,
    classes: tuple[str, ...],
    headers: _Headers,
    boxes: Sequence[Boxes],
    notes: list[str],
    recognised: Recognised,
) -> BoxListing:
    """All of it in the order of paths. Raises MartletError where no box is left."""
    if not any(len(one.labels) for one in boxes):
        dropped = f" of {found.count} is left" if found.count else ""
        told = "".join(f" {note.rstrip('.')};" for note in notes[-2:] if found.count)
        raise MartletError(
            f"no box{dropped}: {found.format} in {len(recognised.paths)} files, "
            f"{len(found.pictures)} pictures;{told} there is nothing to learn without boxes."
        )
    used = {int(label) for one in boxes for label in set(one.labels.tolist())}
    idle = [name for number, name in enumerate(classes) if number not in used]
    if idle:
        notes.append(f"Classes without a box: {listed(idle)}.")
    empty = [name for name, one in zip(found.pictures, boxes, strict=True) if not len(one.labels)]
    bad = {one.path for one in headers.bad}
    notes += counted("Pictures without boxes, kept", [name for name in empty if name not in bad])
    rows = sorted(
        (name, number) for name, number in found.pictures.items() if headers.known[number]
    )
    sizes = [header.upright if header else (0, 0) for header in headers.known]
    return BoxListing(
        root,
        tuple(name for name, _ in rows),
        classes,
        tuple(boxes[number] for _, number in rows),
        tuple(sizes[number] for _, number in rows),
        tuple(found.parts[number] for _, number in rows),
        found.format,
        tuple(notes),
        tuple(headers.bad),
    )
