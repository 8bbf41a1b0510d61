"""One XML file of Pascal VOC -> its picture's name and size, and its boxes.

The parser never builds a tree, and refuses entities of a document's own: nothing in a file makes
it large, deep or read another one.
"""

from pathlib import Path
from typing import NamedTuple
from xml.parsers import expat

from martlet.data.boxes.files import MEBIBYTE, read_content
from martlet.data.boxes.found import Size, class_name, number_of, shown
from martlet.errors import MartletError, shortened

MOST_BYTES = 16 * MEBIBYTE  # 60,000 objects
MOST_DEPTH = 100
MOST_CHARACTERS = 10_000  # of one value
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_OBJECT = ("annotation", "object")
_BOX = (*_OBJECT, "bndbox")
_VALUES = {
    ("annotation", "filename"),
    ("annotation", "size", "width"),
    ("annotation", "size", "height"),
    (*_OBJECT, "name"),
    *((*_BOX, corner) for corner in _CORNERS),
}


class VocBox(NamedTuple):
    """Name of the class, and xmin, ymin, xmax, ymax as they are written."""

    name: str
    corners: tuple[float, ...]


class VocFile(NamedTuple):
    """filename: as it is written, "" where there is none. without_box: objects that have none,
    such as polygons and turned boxes."""

    filename: str
    size: Size | None
    boxes: list[VocBox]
    without_box: int


def read_voc_xml(path: Path) -> VocFile:
    """Raises MartletError, with file and line, for broken XML and for what is no VOC annotation."""
    reading = _Reading(path)
    content = read_content(path, MOST_BYTES)
    try:
        reading.parser.Parse(content, True)
    except expat.ExpatError as error:
        what = shortened(expat.ErrorString(error.code) or "broken", 80)
        raise MartletError(
            f"{str(path)!r} is broken XML: line {error.lineno}: {what}; repair it or take it out."
        ) from error
    except (ValueError, LookupError) as error:  # an encoding that Python does not have
        if isinstance(error, MartletError):
            raise
        raise MartletError(
            f"{str(path)!r} cannot be read as XML ({shortened(str(error), 80)})."
        ) from error
    return VocFile(
        reading.values.get("filename", ""), reading.size(), reading.boxes, reading.without_box
    )


class _Reading:
    """What the parser has met so far."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.values: dict[str, str] = {}
        self.boxes: list[VocBox] = []
        self.without_box = 0
        self._way: list[str] = []
        self._text: list[str] | None = None  # of a value, while the parser is in it
        self._object: dict[str, str] = {}
        self._line = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._characters
        self.parser.EntityDeclHandler = self._entity
        self.parser.SetParamEntityParsing(expat.XML_PARAM_ENTITY_PARSING_NEVER)

    def size(self) -> Size | None:
        """(width, height), if both are whole numbers above 0: they are only compared."""
        try:
            width, height = (int(float(self.values[side])) for side in ("width", "height"))
        except (KeyError, ValueError, OverflowError):
            return None
        return (width, height) if width > 0 and height > 0 else None

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        if not self._way and name != "annotation":
            raise self._error(
                f"has the root element {shown(name)}; that of Pascal VOC is 'annotation'"
            )
        self._way.append(name)
        if len(self._way) > MOST_DEPTH:
            raise self._error(f"has elements {MOST_DEPTH} deep; those of Pascal VOC are 4 deep")
        way = tuple(self._way)
        if way == _OBJECT:
            self._object, self._line = {}, self.parser.CurrentLineNumber
        elif way == _BOX:
            self._object["bndbox"] = ""
        self._text = [] if way in _VALUES else None

    def _end(self, name: str) -> None:
        way = tuple(self._way)
        if self._text is not None and way in _VALUES:
            text = "".join(self._text).strip()
            (self._object if way[:2] == _OBJECT else self.values)[name] = text
        elif way == _OBJECT:
            self._finish()
        self._text = None
        self._way.pop()

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)
            if sum(map(len, self._text)) > MOST_CHARACTERS:
                raise self._error(f"has a value of more than {MOST_CHARACTERS:,} characters")

    def _entity(self, *declared: object) -> None:
        raise self._error(
            "declares entities, which are not read; write their values in their place"
        )

    def _finish(self) -> None:
        """An object is over: it becomes a box."""
        if "bndbox" not in self._object:
            self.without_box += 1
            return
        where = f"{str(self.path)!r}, line {self._line},"
        name = class_name(self._object.get("name"), where)
        corners = []
        for corner in _CORNERS:
            if not self._object.get(corner):
                raise MartletError(
                    f"{where} has an object whose box has no {corner}; write xmin, ymin, xmax and "
                    "ymax."
                )
            corners.append(number_of(self._object[corner], where))
        self.boxes.append(VocBox(name, tuple(corners)))

    def _error(self, what: str) -> MartletError:
        return MartletError(f"{str(self.path)!r}, line {self.parser.CurrentLineNumber}, {what}.")
