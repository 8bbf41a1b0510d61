"""Answers that are folders: where each lies, and that a source without one holds up no other."""

from collections.abc import Callable, Sequence
from os.path import abspath
from pathlib import Path
from typing import Any, TypeVar

from martlet.errors import MartletError
from martlet.inference import Network
from martlet.storage.claim import claimed

Answer = TypeVar("Answer")


def in_folders(
    network: Network,
    sources: Sequence[Any],
    output: Path | None,
    *,
    noun: str,
    made: str,
    read: Callable[[Any], Callable[[Path], Answer]],
    failed: Callable[[str, str], Answer],
) -> list[Answer]:
    """An answer for each source, in a folder SOURCE_made below `output`, or beside the network.

    One source alone is answered in `output` itself.

    noun, made: what a source, and its answer, is called.
    read: a source -> what writes its answer into a folder, while no other process does.
    failed: (source, error) -> the answer in its place, for a MartletError of either.
    Raises MartletError when it is not clear where the answers should lie.
    """
    if not sources:
        raise MartletError(f"no {noun} is given; give the file of one.")
    names = [Path(abspath(source)).stem for source in sources]
    if len(set(names)) < len(names):
        raise MartletError(
            f"two {noun}s have one name, and so would their {made}s; give them apart."
        )
    own = network.path if network.path.is_dir() else network.path.parent
    found = []
    for source, name in zip(sources, names, strict=True):
        folder = (own if output is None else output) / f"{name}_{made}"
        if output is not None and len(sources) == 1:
            folder = output
        try:
            write = read(source)
            with claimed(folder):
                found.append(write(folder))
        except MartletError as error:
            found.append(failed(str(source), str(error)))
    return found
