"""What a layout's reader is given, and what it makes of it."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.pictures.content import left_behind
from martlet.data.series.recording import few
from martlet.errors import MartletError, unknown

PARTS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


@dataclass(frozen=True)
class Files:
    """Files below `root`: `names` are their paths with "/", sorted; `given` is what was asked."""

    root: Path
    names: tuple[str, ...]
    given: str

    def path(self, name: str) -> Path:
        return self.root / name

    def ending(self, *suffixes: str) -> list[str]:
        """Names with one of these suffixes, in small letters, dot included."""
        return [name for name in self.names if name.lower().endswith(suffixes)]

    def matching(self, pattern: str) -> dict[str, re.Match[str]]:
        """Names whose end, behind a "/" or whole, is `pattern`, with what it found."""
        ends = re.compile(f"(?:^|.*/){pattern}")
        found = {name: ends.fullmatch(name) for name in self.names}
        return {name: match for name, match in found.items() if match}


@dataclass(frozen=True)
class Columns:
    """What was asked of columns; None: not said. `channels` may be patterns ("hand_*").

    of_network: the channels are those that a network takes, no patterns.
    labelled: labels are needed. Else `label` and `group` are used where files have them, and where
        several columns could be meant, none is.
    """

    channels: tuple[str, ...] | None = None
    label: str | None = None
    group: str | None = None
    time: str | None = None
    of_network: bool = False
    labelled: bool = True

    def chosen(self, names: Sequence[str], where: str) -> list[int]:
        """Indices of the asked channels, in the order they were asked for; all without.

        Raises MartletError that names `where` for a channel that is not there.
        """
        if self.channels is None:
            return list(range(len(names)))
        if self.of_network:
            return self._of_network(names, where)
        found: dict[int, None] = {}
        for asked in self.channels:
            exact = [i for i, name in enumerate(names) if name == asked]
            these = exact or [i for i, name in enumerate(names) if fnmatchcase(name, asked)]
            if not these:
                raise MartletError(f"{where!r}: {unknown('channel', asked, names)}")
            found |= dict.fromkeys(these)
        return list(found)

    def _of_network(self, names: Sequence[str], where: str) -> list[int]:
        place = {name: index for index, name in enumerate(names)}
        lacking = [name for name in self.channels or () if name not in place]
        if lacking:
            several = "s" * (len(lacking) > 1)
            raise MartletError(
                f"{where!r} lacks the channel{several} {few(lacking)}, which the network takes; "
                f"the file has {few(names)}."
            )
        return [place[name] for name in self.channels or ()]


@dataclass(frozen=True)
class Track:
    """One recording as its file holds it: values may be missing, times uneven.

    values: float32 (length, channels), NaN where missing.
    label: name of the whole recording's class; None: unlabelled, or `codes`.
    codes: int32 (length,), of every sample: index in `names`, -1 where there is none.
    rate: Hz, where the set is known for it.
    times: seconds, float64 (length,), where the file has them.
    """

    name: str
    values: NDArray[np.float32] = field(repr=False)
    channels: tuple[str, ...]
    label: str | None = None
    codes: NDArray[np.int32] | None = field(default=None, repr=False)
    names: tuple[str, ...] = ()
    subject: str | None = None
    part: str | None = None
    rate: float | None = None
    times: NDArray[np.float64] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Found:
    """Tracks, with sentences: how the files were understood, and what was not used."""

    tracks: list[Track]
    told: list[str] = field(default_factory=list)
    odd: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Layout:
    """A way in which recordings lie in files.

    name: of the option. what: the sentence's words for it.
    recognises: whether files are laid out so; looks at names, at most at the first bytes.
    read: raises MartletError for files that are not what the layout says.
    """

    name: str
    what: str
    recognises: Callable[[Files], bool]
    read: Callable[[Files, Columns], Found]


def list_files(data: str | Path) -> Files:
    """All files below a folder, or the one file, without what is hidden or left by programs.

    Links are followed, a folder is entered once. Raises MartletError for what is not there.
    """
    given = os.fspath(data)
    path = Path(data)
    try:
        if path.is_file():
            return Files(path.parent, (path.name,), given)
        there = path.is_dir()
    except (OSError, ValueError) as error:
        raise MartletError(f"{given!r} cannot be read ({error}).") from error
    if not there:
        raise MartletError(f"{given!r} does not exist; give a file or folder of recordings.")
    names: list[str] = []
    seen: set[tuple[int, int]] = set()

    def refuse(error: OSError) -> None:
        raise MartletError(f"folder {error.filename!r} cannot be read ({error.strerror}).")

    for folder, folders, files in os.walk(path, onerror=refuse, followlinks=True):
        entered = os.stat(folder)
        if (entered.st_dev, entered.st_ino) in seen:
            folders.clear()
            continue
        seen.add((entered.st_dev, entered.st_ino))
        folders[:] = sorted(name for name in folders if not left_behind(name))
        below = Path(folder).relative_to(path)
        lost = [n for n in files if not left_behind(n) and not (Path(folder) / n).exists()]
        if lost:
            raise MartletError(
                f"{(below / sorted(lost)[0]).as_posix()!r} is a link to a file that is not there; "
                "fetch the file, or remove the link."
            )
        names += [
            (below / name).as_posix()
            for name in files
            if not left_behind(name) and (Path(folder) / name).is_file()
        ]
    if not names:
        raise MartletError(f"folder {given!r} holds no files; give a folder of recordings.")
    return Files(path, tuple(sorted(names)), given)


def given_part(name: str) -> str | None:
    """The part that a file's stem ends with, or that is it: "Gait_TRAIN.ts", "test.npz"."""
    stem = name.rpartition("/")[2].partition(".")[0]
    return PARTS.get(re.split(r"[_\- ]", stem)[-1].lower())


def read_text(path: Path, name: str) -> str:
    """A text file's content. Raises MartletError, which has `name`, for what is none."""
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MartletError(f"{name!r} cannot be read ({error.strerror or error}).") from error
    except UnicodeDecodeError as error:
        raise MartletError(f"{name!r} is no text file in UTF-8 ({error.reason}).") from error


def as_float32(values: NDArray[Any]) -> NDArray[np.float32]:
    """Values as they are kept; what is too large becomes infinite, which counts as missing."""
    with np.errstate(over="ignore", invalid="ignore"):
        return values.astype(np.float32, copy=False)


def as_whole(values: NDArray[Any], what: str) -> NDArray[np.int64]:
    """Labels or subjects as whole numbers. Raises MartletError, "`what` are …", for others."""
    fitting = np.isfinite(values) & (np.abs(values) < 1 << 53)
    whole = np.where(fitting, values, 0).astype(np.int64)
    if not (fitting & (whole == values)).all():
        raise MartletError(f"{what} are not all whole numbers.")
    return whole


def name_of(digits: str, names: Sequence[str]) -> str:
    """The label of a number that counts from 1; the number itself where no name is known."""
    number = int(digits)
    return names[number - 1] if 1 <= number <= len(names) else str(number)
