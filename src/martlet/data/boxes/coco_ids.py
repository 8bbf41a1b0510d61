"""The ids that a COCO JSON has for pictures and classes, for results that go with it."""

from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from martlet.data.boxes.coco import id_of, name_of_image, read_tables
from martlet.data.boxes.found import class_name, shown
from martlet.data.boxes.index import alike, steps_of
from martlet.errors import MartletError, quoted, unknown


class _Image(NamedTuple):
    steps: Sequence[str]  # folders and name that the file gives
    id: Hashable


class CocoIds:
    """Ids by the path of a picture and by the name of a class.

    path: a COCO JSON, of whose lists `annotations` may be empty, as in files of test pictures.

    Raises MartletError for a file that is none, and an id or a name in it that is none.
    """

    def __init__(self, path: Path) -> None:
        tables = read_tables(path)
        self.path = path
        self._categories: dict[str, Hashable] = {}
        for number, entry in enumerate(tables["categories"]):
            where = f"{str(path)!r}, categories[{number}],"
            key = id_of(entry, "id", where)
            self._categories.setdefault(class_name(entry.get("name"), where), key)
        self._images: dict[str, list[_Image]] = {}
        for number, entry in enumerate(tables["images"]):
            where = f"{str(path)!r}, images[{number}],"
            key = id_of(entry, "id", where)
            if steps := steps_of(name_of_image(entry, where)):
                self._images.setdefault(steps[-1], []).append(_Image(steps, key))

    def of_classes(self, classes: Sequence[str]) -> Mapping[str, Hashable]:
        """Name -> id; raises MartletError for a class that is none of the file's categories."""
        for name in classes:
            if name not in self._categories:
                raise unknown(f"{str(self.path)!r}: category", name, list(self._categories))
        return {name: self._categories[name] for name in classes}

    def of_picture(self, picture: str) -> Hashable:
        """The id of the image whose name ends as the path does, its folders with it.

        Raises MartletError where there is none, and where several are meant equally well.
        """
        steps = steps_of(picture)[::-1]
        images = self._images.get(steps[0], []) if steps else []
        most = max((alike(image.steps[::-1], steps) for image in images), default=0)
        found = [image for image in images if alike(image.steps[::-1], steps) == most]
        if not found:
            raise MartletError(
                f"coco_ids={str(self.path)!r} has no image of the file_name "
                f"{quoted(steps[0] if steps else picture, 80)}; give the file that names the "
                "pictures, or leave it out."
            )
        if len({image.id for image in found}) > 1:
            ids = " and ".join(shown(image.id) for image in found[:2])
            raise MartletError(
                f"coco_ids={str(self.path)!r} names several images as {quoted(picture, 80)} is "
                f"called, of the ids {ids}; give the picture with its folders."
            )
        return found[0].id
