"""A folder of labelled pictures: classes, parts, and the path of every picture."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from martlet.data.class_names import one_form
from martlet.data.pictures.content import HEAD_BYTES, SUFFIXES, left_behind, looks_like_picture
from martlet.data.pictures.decode import BadPicture, decode
from martlet.errors import MartletError

__all__ = ["BadPicture", "Listing", "Picture", "Walk", "decode", "scan"]

PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


class Picture(NamedTuple):
    """One file: its path below the listing's root with "/", its class's index, its given part, and
    the group that one part alone may hold (None, or "" where others have one: by itself)."""

    path: str
    label: int
    part: str | None
    group: str | None = None


class Listing(NamedTuple):
    """What a folder, or a list, holds; `pictures` are sorted by path, `classes` by name.

    ignored: paths of what is hidden, left behind by other programs, or no picture; sorted.
    notes: sentences on how a list was understood.
    source: the list's file; None: the folder itself.
    """

    root: Path
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    ignored: tuple[str, ...]
    notes: tuple[str, ...] = ()
    source: Path | None = None


def scan(folder: str | Path, *, min_classes: int = 2) -> Listing:
    """List `<class>/**/*.jpg` or `{train,val,test}/<class>/**/*.jpg` below `folder`.

    A file counts as a picture by its suffix; only one without a suffix is opened, and counts by
    its first bytes. Links are followed. Folders whose names differ by the form of Unicode alone are
    one class. Raises MartletError for a folder that is missing, empty or not laid out in one of
    these two ways.
    """
    root = Path(folder)
    if not root.is_dir():
        if not root.exists():
            raise MartletError(
                f"folder {str(folder)!r} does not exist; give a folder of class folders."
            )
        raise MartletError(
            f"folder {str(folder)!r} is a file, not a folder; give a folder of class folders of "
            "pictures, or a list of them (.csv, .tsv, .parquet), with a scene its labels, or with "
            "recordings a model for them."
        )
    walk = Walk(os.fspath(root))
    found: dict[str | None, dict[str, list[str]]] = {}
    for part, below in _parts(walk, str(folder)).items():
        held = found.setdefault(part, {})
        for name in walk.inside(below[:-1])[0]:
            held.setdefault(one_form(name), []).extend(walk.pictures(f"{below}{name}"))
    classes = _classes(found, str(folder), min_classes, walk.ignored)
    label = {name: index for index, name in enumerate(classes)}
    pictures = sorted(
        Picture(path, label[name], part)
        for part, held in found.items()
        for name, paths in held.items()
        for path in paths
    )
    return Listing(root, classes, tuple(pictures), tuple(sorted({*walk.ignored})))


class Walk:
    """Names below `root`, each folder read once; `ignored` are the paths left out."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.ignored: list[str] = []
        self._read: dict[str, tuple[list[str], list[str]]] = {}

    def inside(self, below: str) -> tuple[list[str], list[str]]:
        """Sorted names of the folders and of the pictures directly in the folder `below`."""
        if below not in self._read:
            folders: list[str] = []
            pictures: list[str] = []
            try:
                with os.scandir(os.path.join(self.root, below)) as entries:
                    for entry in entries:
                        self._place(entry, below, folders, pictures)
            except OSError as error:
                name = os.path.join(self.root, below)
                raise MartletError(f"folder {name!r} cannot be read ({error.strerror}).") from error
            self._read[below] = sorted(folders), sorted(pictures)
        return self._read[below]

    def pictures(self, below: str, seen: set[tuple[int, int]] | None = None) -> list[str]:
        """Paths of all pictures at any depth of the folder `below`.

        A folder that several links lead to is entered by the first: of ten folders that link to
        each other there are millions of ways.
        """
        seen = set() if seen is None else seen  # device and inode of what was entered by a link
        folders, names = self.inside(below)
        start = f"{below}/" if below else ""
        found = [start + name for name in names]
        for path in (start + name for name in folders):
            full = os.path.join(self.root, path)
            if os.path.islink(full):
                there = os.stat(full)
                if (there.st_dev, there.st_ino) in seen:
                    self.ignored.append(path)
                    continue
                seen.add((there.st_dev, there.st_ino))
            found += self.pictures(path, seen)
        return found

    def _place(
        self, entry: os.DirEntry[str], below: str, folders: list[str], pictures: list[str]
    ) -> None:
        name = entry.name
        if left_behind(name):
            into = self.ignored
        elif _is_folder(entry):
            back = entry.is_symlink() and self._leads_back(entry, below)
            into = self.ignored if back else folders
        else:
            into = pictures if _is_picture(entry) else self.ignored
        into.append(f"{below}/{name}" if into is self.ignored and below else name)

    def _leads_back(self, entry: os.DirEntry[str], below: str) -> bool:
        """Does a link lead to a folder on the way to itself? Following it would never end."""
        steps = below.split("/") if below else []
        way = [os.path.join(self.root, *steps[:depth]) for depth in range(len(steps) + 1)]
        return any(os.path.samestat(entry.stat(), os.stat(folder)) for folder in way)


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _is_picture(entry: os.DirEntry[str]) -> bool:
    """By the suffix; a file without one is opened."""
    suffix = os.path.splitext(entry.name)[1].lower()
    if suffix:
        return suffix in SUFFIXES
    try:
        if not entry.is_file():  # a pipe would never end
            return False
        with open(entry.path, "rb") as file:
            return looks_like_picture(file.read(HEAD_BYTES))
    except OSError:
        return False


def _parts(walk: Walk, folder: str) -> dict[str | None, str]:
    """Which folder holds the classes of which part: {None: ""} when no parts are given."""
    folders, loose = walk.inside("")
    if loose:
        raise MartletError(
            f"folder {folder!r} holds pictures without a class ({len(loose)}, such as "
            f"{loose[0]!r}); each picture has to lie in its class's folder."
        )
    named = [name for name in folders if name.lower() in PARTS]
    parts = [name for name in named if not walk.inside(name)[1]]
    others = [name for name in folders if name not in named]
    if not named or (others and not parts):  # a class may be called "train"
        return {None: ""}
    others = [name for name in others if walk.pictures(name)]
    if others:
        raise MartletError(
            f"folder {folder!r} mixes the part {parts[0]!r} with {others[0]!r}; give either class "
            "folders or the parts train, val, test with class folders in each."
        )
    if len(parts) < len(named):
        name = next(name for name in named if name not in parts)
        raise MartletError(
            f"{name!r} in folder {folder!r} holds pictures without a class; "
            "each picture has to lie in its class's folder."
        )
    found: dict[str | None, str] = {}
    for name in named:
        part = PARTS[name.lower()]
        if part in found:
            raise MartletError(f"folder {folder!r} has two {part} parts, {name!r} is one of them.")
        found[part] = f"{name}/"
    if "train" not in found:
        raise MartletError(
            f"folder {folder!r} has no train part, only {', '.join(named)}; "
            f"to use one part alone give its own folder, {os.path.join(folder, named[0])!r}."
        )
    return found


def _classes(
    found: dict[str | None, dict[str, list[str]]],
    folder: str,
    min_classes: int,
    ignored: Sequence[str],
) -> tuple[str, ...]:
    """Sorted class names, the same in every part."""
    if not any(paths for held in found.values() for paths in held.values()):
        raise MartletError(f"folder {folder!r} holds no pictures; give a folder of class folders.")
    names = {part: {n for n, paths in held.items() if paths} for part, held in found.items()}
    if None in found and len(names[None]) < len(found[None]):
        empty = sorted(set(found[None]) - names[None])
        raise MartletError(
            f"folder {folder!r} has class folders without a picture: {_few(empty)}"
            f"{_held(empty[0], ignored)}; remove them or put pictures in."
        )
    first, *rest = names
    for part in rest:
        if names[part] != names[first]:
            odd = sorted(names[part] ^ names[first])
            where = first if odd[0] in names[first] else part
            raise MartletError(
                f"the parts of folder {folder!r} have different classes: {_few(odd)} "
                f"({odd[0]!r} is only in {where})."
            )
    if len(names[first]) < min_classes:
        raise MartletError(
            f"folder {folder!r} holds one class, {_few(sorted(names[first]))}; "
            f"at least {min_classes} are needed."
        )
    return tuple(sorted(names[first]))


def _held(name: str, ignored: Sequence[str]) -> str:
    """What a class folder without a picture holds in place of one."""
    others = [path for path in ignored if one_form(path.partition("/")[0]) == name]
    return f" ({len(others)} other files in {name!r}, such as {others[0]!r})" if others else ""


def _few(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
