"""The pictures below a folder, found by the names that annotations give them.

An annotation is often written on another machine, or before the pictures were moved: a name leads
to the picture whose path ends as the name does. Letters of Unicode are compared in one form, and
backslashes separate folders.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from martlet.data.boxes.parts import part_of_folder
from martlet.data.class_names import one_form
from martlet.data.pictures.content import left_behind
from martlet.data.pictures.read import Walk
from martlet.errors import MartletError, quoted


class Index:
    """pictures: paths below `root` with "/", sorted."""

    def __init__(self, root: Path) -> None:
        if not root.is_dir():
            what = "is a file, not a folder" if root.exists() else "does not exist"
            raise MartletError(f"pictures={str(root)!r} {what}; give the folder of the pictures.")
        self.root = root
        self.real = Path(os.path.realpath(root))
        self.pictures = sorted(Walk(os.fspath(root)).pictures(""))
        if not self.pictures:
            raise MartletError(
                f"pictures={str(root)!r} holds no pictures; give the folder that they lie in."
            )
        self._paths = {one_form(path): path for path in self.pictures}
        self._folders: dict[Path, str | None] = {}
        self._by_name: dict[str, list[str]] = {}
        self._by_stem: dict[str, list[str]] = {}
        for form, path in self._paths.items():
            *folders, name = form.split("/")
            for ending in {name, "/".join([*folders[-1:], name])}:
                self._by_name.setdefault(ending, []).append(path)
            self._by_stem.setdefault(os.path.splitext(name)[0], []).append(path)

    def find(self, text: str, near: Path, part: str | None = None) -> str | None:
        """The picture that a file `near` calls `text`; None where there is none.

        part: that of the picture, if it is known. Raises MartletError where several are meant
        equally well.
        """
        steps = steps_of(text)
        if not steps:
            return None
        beside = self._below_root(near.parent)
        for start in ("", beside):  # as it is written: below the root, or beside the file
            whole = [] if start is None else [*steps_of(start), *steps]
            if path := self._paths.get("/".join(whole)):
                return path
        # With its folder first: each folder of a film may have the same thousand names.
        for name in ("/".join(steps[-2:]), steps[-1]):
            fitting = [
                path for path in self._by_name.get(name, ()) if self._may_be(path, steps[:-1])
            ]
            if fitting:
                return self._nearest(text, fitting, steps, near, part)
        return None

    def with_stem(self, stem: str, near: Path) -> str | None:
        """The picture of this name without its suffix, the nearest to the file `near`.

        Raises MartletError where several are as near.
        """
        form = one_form(stem)
        return self._nearest(stem, self._by_stem.get(form, []), [form], near, None)

    def _may_be(self, path: str, folders: Sequence[str]) -> bool:
        """Whether the folders of a name do not say another part than those of the picture."""
        ways = folders[-2:], [self.real.name, *path.split("/")[:-1]]  # further up it is chance
        said, own = ([part for name in way if (part := part_of_folder(name))] for way in ways)
        return not said or not own or said[-1] == own[-1]

    def _nearest(
        self, text: str, paths: Sequence[str], steps: Sequence[str], near: Path, part: str | None
    ) -> str | None:
        if len(paths) < 2:
            return paths[0] if paths else None
        way = Path(os.path.realpath(near)).parts

        def rank(path: str) -> tuple[int, int, bool]:
            own = [*self.real.parts, *one_form(path).split("/")]
            of_part = part is not None and part in map(part_of_folder, path.split("/")[:-1])
            return alike(own[::-1], steps[::-1]), alike(own, way), of_part

        best = max(map(rank, paths))
        found = [path for path in paths if rank(path) == best]
        if len(found) > 1:
            raise MartletError(
                f"{str(near)!r} names {quoted(text, 80)}, and {len(found)} pictures below "
                f"{str(self.root)!r} may be meant, such as {quoted(found[0], 80)} and "
                f"{quoted(found[1], 80)}; name them with their folders."
            )
        return found[0]

    def _below_root(self, folder: Path) -> str | None:
        """A folder as a path below the root, "" for the root itself; None: it lies elsewhere."""
        if folder not in self._folders:
            real = Path(os.path.realpath(folder))
            inside = real.is_relative_to(self.real)
            found = real.relative_to(self.real).as_posix() if inside else None
            self._folders[folder] = "" if found == "." else found
        return self._folders[folder]

    def inside(self, folder: Path) -> list[str]:
        """The pictures at any depth of a folder, which may lie above or below the root."""
        start = self._below_root(folder)
        if start is None:
            above = self.real.is_relative_to(os.path.realpath(folder))
            return list(self.pictures) if above else []
        return [path for path in self.pictures if not start or path.startswith(f"{start}/")]


def files_below(folder: Path) -> list[Path]:
    """All files at any depth of a folder that are no pictures, sorted; hidden ones are left out."""
    walk = Walk(os.fspath(folder))
    walk.pictures("")
    names = [name for name in walk.ignored if not any(map(left_behind, name.split("/")))]
    return [folder / name for name in sorted(names)]


def steps_of(text: str) -> list[str]:
    """The folders and the name of a path, whichever way its separators lean."""
    steps = one_form(text).replace("\\", "/").split("/")
    return [step for step in steps if step not in ("", ".", "..")]


def alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the first items are the same."""
    count = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        count += 1
    return count
