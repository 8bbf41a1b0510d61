"""The fixed part of a data set that an experiment's runs are trained and scored on.

Which pictures these are depends on their content alone, so that it is the same part on every
machine and at every time. A folder without test/ gives its test part first.
"""

import csv
import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from martlet.data.pictures.content import SUFFIXES
from martlet.errors import MartletError
from martlet.storage.files import write_text
from martlet.workflows.reproduce.experiment import Size

MOST_READ_BYTES = 2 * 10**9  # of data whose content is looked at: ImageNet's takes an hour


@dataclass(frozen=True)
class Part:
    """What `train` is given.

    Attributes:
        data: the list of pictures, or the data as they were given.
        root: the folder that a list's paths lie below.
        digest: of the content; runs of other data are other runs.
        train, test: samples; 0 where `train` divides the data itself.
        options: of `train` that are files of the data.
    """

    data: Path
    root: Path | None
    digest: str
    train: int = 0
    test: int = 0
    options: Mapping[str, Path] = field(default_factory=dict)


def choose_part(data: Path, size: Size, folder: Path) -> Part:
    """The part of `data` that the size asks for; lists lie in `folder`.

    Raises MartletError for data that are not there, that have no folders of classes, or a class
    with fewer pictures than the size takes.
    """
    if not data.exists():
        raise MartletError(f"data={data} is not there; give the folder of the data set.")
    data = data.resolve()
    if size.train is None:
        return _whole(data, size, folder.resolve().parent)
    if not data.is_dir():
        raise MartletError(f"data={data} is a file; give the folder of the data set.")
    rows: list[tuple[str, str, str]] = []
    digests: list[str] = []
    for label, pictures in sorted(_classes(data).items()):
        chosen = {"test": size.test or 0, "train": size.train}
        taken: set[str] = set()
        for part, count in chosen.items():
            found = _by_content(pictures[part])
            order = [content for content in found if content not in taken][:count]
            if len(order) < count:
                raise MartletError(
                    f"data={data} has {len(order)} pictures of {label!r} for {part}, and size "
                    f"{size.name} takes {count} of each class; give a larger set, or a smaller "
                    "size."
                )
            taken |= set(order)
            digests += [f"{part} {label} {content}" for content in order]
            rows += [(str(found[one].relative_to(data)), label, part) for one in order]
    path = _list(rows, folder)
    trained = sum(part == "train" for _, _, part in rows)
    return Part(path, data, _digest(digests), trained, len(rows) - trained)


def _list(rows: Sequence[tuple[str, str, str]], folder: Path) -> Path:
    """The list of pictures as a file, called by what is in it: of two commands both write the same.

    Raises MartletError when the folder cannot be written.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("path", "label", "part"))
    table.writerows(rows)
    path = folder.resolve() / f"part-{_digest([text.getvalue()])}.csv"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            write_text(path, text.getvalue())
    except OSError as error:
        raise MartletError(
            f"{folder} cannot be written ({error.strerror or error}); give another --folder."
        ) from error
    return path


def _whole(data: Path, size: Size, own: Path) -> Part:
    """Data that `train` divides itself; only the files that are named count, and nothing of what
    lies in the folder `own` of results."""
    found = {option: data / name for option, name in size.files.items()}
    for option, path in found.items():
        if not path.exists():
            raise MartletError(
                f"data={data} has no {size.files[option]}, which this experiment takes as "
                f"{option}; give the folder that has it."
            )
    named = list(found.values()) or [data]
    digest = _digest([line for path in named for line in _contents(path, own)])
    place = found.pop("data", data)
    return Part(place, None, digest, options=found)


def _classes(data: Path) -> dict[str, dict[str, list[Path]]]:
    """Class -> part -> its pictures; without train/ and test/ both parts have all of them."""
    parted = (data / "train").is_dir() and (data / "test").is_dir()
    folders = {part: data / part if parted else data for part in ("train", "test")}
    found: dict[str, dict[str, list[Path]]] = {}
    for part, folder in folders.items():
        for one in sorted(path for path in folder.iterdir() if path.is_dir()):
            pictures = [path for path in one.rglob("*") if path.suffix.lower() in SUFFIXES]
            if pictures:
                found.setdefault(one.name, {"train": [], "test": []})[part] = pictures
    if len(found) < 2:
        raise MartletError(
            f"data={data} has no two folders of pictures, one a class, alone or below train/ and "
            "test/; give a folder that has."
        )
    return found


def _by_content(pictures: Sequence[Path]) -> dict[str, Path]:
    """Digest of the content -> picture, in the order of the digests; one of equal ones."""
    found = {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in sorted(pictures)[::-1]}
    return dict(sorted(found.items()))


def _contents(data: Path, own: Path) -> list[str]:
    """Names and digests of all files but hidden ones; sizes in their place, of very much data."""
    files = [data]
    if data.is_dir():
        files = [
            path
            for path in sorted(data.rglob("*"))
            if path.is_file()
            and own not in path.parents
            and not any(part.startswith(".") for part in path.relative_to(data).parts)
        ]
    whole = sum(path.stat().st_size for path in files) <= MOST_READ_BYTES
    lines = []
    for path in files:
        known = str(path.stat().st_size)
        if whole:
            with path.open("rb") as file:
                known = hashlib.file_digest(file, "sha256").hexdigest()
        lines.append(f"{path.relative_to(data) if path != data else path.name} {known}")
    return lines


def _digest(lines: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()[:12]
