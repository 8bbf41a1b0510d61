"""A folder of labelled pictures: classes, parts, and the path of every picture."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from martlet.data.pictures.decode import BadPicture, decode
from martlet.errors import MartletError

__all__ = ["BadPicture", "Listing", "Picture", "decode", "find_pictures", "scan"]

SUFFIXES = (
    *(".jpg", ".jpeg", ".jpe", ".jfif", ".png", ".webp", ".gif", ".bmp", ".tif", ".tiff"),
    *(".ppm", ".pgm", ".pbm", ".pnm", ".jp2", ".avif"),
)
PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_LEFT_OUT = frozenset(
    ("__MACOSX", "Thumbs.db", "desktop.ini")
)  # and every name that starts with "."


class Picture(NamedTuple):
    """One file: its path below the listing's root with "/", its class's index, its given part."""

    path: str
    label: int
    part: str | None


class Listing(NamedTuple):
    """What a folder holds; `pictures` are sorted by path, `classes` by name.

    ignored: hidden files and folders, and files whose suffix is not a picture's.
    """

    root: Path
    classes: tuple[str, ...]
    pictures: tuple[Picture, ...]
    ignored: int


def scan(folder: str | Path, *, min_classes: int = 2) -> Listing:
    """List `<class>/**/*.jpg` or `{train,val,test}/<class>/**/*.jpg` below `folder`.

    Nothing is opened: a file counts as a picture by its suffix. Links are followed. Raises
    MartletError for a folder that is missing, empty or not laid out in one of these two ways.
    """
    root = Path(folder)
    if not root.is_dir():
        what = "is a file, not a folder" if root.exists() else "does not exist"
        raise MartletError(f"folder {str(folder)!r} {what}; give a folder of class folders.")
    walk = _Walk(os.fspath(root))
    found: dict[str | None, dict[str, list[str]]] = {}
    for part, below in _parts(walk, str(folder)).items():
        held = {name: walk.pictures(f"{below}{name}") for name in walk.inside(below[:-1])[0]}
        found[part] = held
    classes = _classes(found, str(folder), min_classes)
    label = {name: index for index, name in enumerate(classes)}
    pictures = sorted(
        Picture(path, label[name], part)
        for part, held in found.items()
        for name, paths in held.items()
        for path in paths
    )
    return Listing(root, classes, tuple(pictures), walk.ignored)


def find_pictures(paths: Sequence[str | Path]) -> list[Path]:
    """The files among `paths`, and all pictures at any depth of the folders among them, in order.

    Raises MartletError for a folder without a picture; a file is not looked at.
    """
    found: list[Path] = []
    for path in map(Path, paths):
        if path.is_dir():
            walk = _Walk(os.fspath(path))
            inside = [path / name for name in walk.pictures("")]
            if not inside:
                raise MartletError(f"folder {str(path)!r} holds no pictures.")
            found += inside
        else:
            found.append(path)
    return found


class _Walk:
    """Names below `root`, each folder read once; what is left out is counted in `ignored`."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.ignored = 0
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

    def pictures(self, below: str) -> list[str]:
        """Paths of all pictures at any depth of the folder `below`."""
        folders, names = self.inside(below)
        start = f"{below}/" if below else ""
        deeper = (path for name in folders for path in self.pictures(start + name))
        return [*(start + name for name in names), *deeper]

    def _place(
        self, entry: os.DirEntry[str], below: str, folders: list[str], pictures: list[str]
    ) -> None:
        name = entry.name
        if name.startswith(".") or name in _LEFT_OUT:
            self.ignored += 1
        elif _is_folder(entry):
            if entry.is_symlink() and self._leads_back(entry, below):
                self.ignored += 1
            else:
                folders.append(name)
        elif os.path.splitext(name)[1].lower() in SUFFIXES:
            pictures.append(name)
        else:
            self.ignored += 1

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


def _parts(walk: _Walk, folder: str) -> dict[str | None, str]:
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
    found: dict[str | None, dict[str, list[str]]], folder: str, min_classes: int
) -> tuple[str, ...]:
    """Sorted class names, the same in every part."""
    if not any(paths for held in found.values() for paths in held.values()):
        raise MartletError(f"folder {folder!r} holds no pictures; give a folder of class folders.")
    names = {part: {n for n, paths in held.items() if paths} for part, held in found.items()}
    if None in found and len(names[None]) < len(found[None]):
        empty = sorted(set(found[None]) - names[None])
        raise MartletError(
            f"folder {folder!r} has class folders without a picture: {_few(empty)}; "
            "remove them or put pictures in."
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


def _few(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:5])
    return shown + (f" and {len(names) - 5} more" if len(names) > 5 else "")
