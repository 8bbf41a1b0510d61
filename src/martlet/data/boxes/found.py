"""What the files of one format say, before it is held against the pictures."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.errors import MartletError, quoted

Size = tuple[int, int]
SPECIALS = frozenset(chr(code) for code in range(32)) | {"\x7f"}


class Found:
    """Pictures and their boxes, gathered one by one by a format's reader.

    pictures: path below the root -> number, in the order they were met.
    parts, declared: of each picture its part, and the size (width, height) that its annotation
    gives, or None.
    fractions: corners are fractions of the picture's sides, not pixels.
    from_one: pixels count from 1 and right and bottom are inclusive.
    classes: names in their order; None: those of the boxes, sorted.
    """

    def __init__(self, format: str) -> None:
        self.format = format
        self.pictures: dict[str, int] = {}
        self.parts: list[str | None] = []
        self.declared: list[Size | None] = []
        self.fractions = False
        self.from_one = False
        self.classes: tuple[str, ...] | None = None
        self.first: dict[str, str] = {}  # class -> the place where it was first met
        self.notes: list[str] = []
        self._corners: list[Sequence[float]] = []
        self._names: list[str] = []
        self._crowd: list[bool] = []
        self._owners: list[int] = []

    def picture(self, path: str, part: str | None = None, declared: Size | None = None) -> int:
        """The number of a picture, new or known. Raises MartletError for one in two parts."""
        number = self.pictures.setdefault(path, len(self.pictures))
        if number == len(self.parts):
            self.parts.append(part)
            self.declared.append(declared)
        elif self.parts[number] != part:
            one, other = (named or "no part" for named in (self.parts[number], part))
            raise MartletError(
                f"{quoted(path)} is given twice, as {one} and as {other}; a picture has one part: "
                "take it out of the other, or give it the same."
            )
        return number

    def box(
        self, picture: int, name: str, corners: Sequence[float], where: str, crowd: bool = False
    ) -> None:
        """Add a box: corners as left, top, right, bottom, in any order of each pair.

        where: the place in the files, for the sentence on an unknown class.
        """
        self.first.setdefault(name, where)
        self._owners.append(picture)
        self._names.append(name)
        self._corners.append(corners)
        self._crowd.append(crowd)

    @property
    def count(self) -> int:
        return len(self._owners)

    def corners(self) -> NDArray[np.float64]:
        """(n, 4) as the files have them."""
        return np.array(self._corners, np.float64).reshape(-1, 4)

    def crowd(self) -> NDArray[np.bool_]:
        return np.array(self._crowd, np.bool_)

    def owners(self) -> NDArray[np.int64]:
        """Number of each box's picture."""
        return np.array(self._owners, np.int64)

    def order_classes(self, asked: Sequence[str] | None, asked_by: str) -> tuple[str, ...]:
        """The classes in their order: as asked for, as the format has them, or sorted.

        Raises MartletError for a box of a class that is not among those asked for.
        """
        if asked is not None:
            for name, where in self.first.items():
                if name not in asked:
                    raise MartletError(
                        f"class {quoted(name, 60)} in {where} is not among the {len(asked)} of "
                        f"classes={asked_by!r}; add it there, or take its boxes out."
                    )
            return tuple(asked)
        return tuple(sorted(self.first)) if self.classes is None else self.classes

    def labels(self, classes: Sequence[str]) -> NDArray[np.int64]:
        number = {name: index for index, name in enumerate(classes)}
        return np.array([number[name] for name in self._names], np.int64)


def number_of(value: Any, where: str) -> float:
    """A coordinate as a number; also one that is not finite, which is dropped later.

    Raises MartletError, with the place, for what is none.
    """
    if not isinstance(value, bool) and isinstance(value, (str, int, float)):
        try:
            return float(value)
        except OverflowError:  # a whole number beyond all floats
            return float("inf")
        except ValueError:
            pass
    raise MartletError(f"{where} has {shown(value)} where a number is accepted.")


def class_name(value: Any, where: str) -> str:
    """The name of a class in Unicode's composed form, without blanks around it.

    Raises MartletError, with the place, for what is no name.
    """
    name = one_form(value.strip()) if isinstance(value, str) else ""
    odd = SPECIALS & set(name) or any("\ud800" <= letter <= "\udfff" for letter in name)
    if not name or odd or len(name) > 200:
        raise MartletError(
            f"{where} has {shown(value)} as the name of a class; accepted is a text of 1 to 200 "
            "characters in one line."
        )
    return name


def shown(value: Any) -> str:
    """Another's value within a sentence: short, whatever it is."""
    if isinstance(value, str):
        return quoted(value, 40)
    if isinstance(value, (bool, float)) or value is None:
        return repr(value)
    if isinstance(value, int):  # one of 5,000 digits cannot be written
        return repr(value) if abs(value) < 10**15 else "a number of many digits"
    return "a list" if isinstance(value, list) else "an object"


def below(path: Path, root: Path) -> str:
    """A file's name for a sentence: below `root`, where it lies there."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)
