"""Where shards lie: a folder of them, tar files, patterns such as x-{000..009}.tar, addresses."""

import glob
import os
import re
from itertools import product
from pathlib import Path

from martlet.data.pictures.shards.index import NAME
from martlet.errors import MartletError

ADDRESS = re.compile(r"(https?):/+")  # a Path has one slash of the two
_BRACES = re.compile(r"\{(\d+)\.\.(\d+)\}|\{([^{},]+(?:,[^{},]+)+)\}")
_SUFFIX = ".tar"
MOST = 1_000_000  # shards of one pattern


def is_shards(data: Path) -> bool:
    """Whether `data` names shards: by its end, or as a folder that holds an index, or tar files
    and no folders."""
    if data.name.endswith(_SUFFIX):
        return True
    if not os.path.isdir(data):
        return False
    if (data / NAME).is_file():
        return True
    with os.scandir(data) as entries:
        shown = [entry for entry in entries if not entry.name.startswith(".")]
    tars = any(entry.name.endswith(_SUFFIX) for entry in shown)
    return tars and not any(entry.is_dir() for entry in shown)


def plain_name(name: str) -> str:
    """What a run on data of this name is called: of a pattern of shards its letters and digits."""
    if not name.endswith(_SUFFIX):
        return name
    return _BRACES.sub("", name[: -len(_SUFFIX)]).strip("-_.*?") or "shards"


def address(data: Path) -> str | None:
    """The address on the net that `data` is, or None."""
    found = ADDRESS.match(str(data))
    return None if found is None else f"{found[1]}://{str(data)[found.end() :]}"


def expand(pattern: str) -> list[str]:
    """All texts that a pattern with {000..009} or {a,b} stands for, in order.

    Raises MartletError for a range that counts down, or is longer than a million.
    """
    pieces: list[list[str]] = []
    end = 0
    for found in _BRACES.finditer(pattern):
        first, last, listed = found.groups()
        if listed is None and not 0 <= int(last) - int(first) < MOST:
            raise MartletError(f"{pattern!r} has a range from {first} to {last}; count upwards.")
        words = (
            [str(n).zfill(len(first)) for n in range(int(first), int(last) + 1)]
            if listed is None
            else listed.split(",")
        )
        pieces += [[pattern[end : found.start()]], words]
        end = found.end()
    return ["".join(parts) for parts in product(*pieces, [pattern[end:]])]


def local_shards(data: Path) -> list[Path]:
    """The tar files that `data` names, on this machine.

    Raises MartletError for one that is missing, and when there are none.
    """
    text = str(data)
    if os.path.isdir(data):
        paths = sorted(path for path in data.iterdir() if path.name.endswith(_SUFFIX))
        paths = [path for path in paths if not path.name.startswith(".")]
    elif os.path.exists(data):
        paths = [data]
    elif glob.has_magic(text):
        paths = [Path(match) for match in sorted(glob.glob(text))]
    else:
        paths = [Path(one) for one in expand(text)]
    if not paths:
        raise MartletError(f"{text!r} names no shard; give a folder of .tar files, or a pattern.")
    refuse_missing([path for path in paths if not path.is_file()], len(paths))
    folders = sorted({path.parent for path in paths})
    if len(folders) > 1:
        raise MartletError(f"{text!r} lies in several folders; the shards of a run lie in one.")
    return paths


def refuse_missing(missing: list[Path], count: int) -> None:
    """Raises MartletError for shards that are not there."""
    if missing:
        more = f" (so are {len(missing) - 1} more of {count})" if missing[1:] else ""
        raise MartletError(f"the shard {str(missing[0])!r} is missing{more}; fetch or write it.")
