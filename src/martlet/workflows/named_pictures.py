"""Names of the files that are written beside pictures, one a picture."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from martlet.errors import MartletError


def file_names(names: Sequence[str], ending: str) -> list[str]:
    """NAME_ENDING.png for each picture; NAME-2 where an earlier one has the name already.

    Also where they differ in the size of letters alone: not every disk tells those apart.
    """
    taken: set[str] = set()
    found = []
    for name in names:
        stem = re.sub(r'[<>:"|?*\x00-\x1f]', "_", Path(name).stem)[:80] or "picture"
        chosen, number = stem, 1
        while chosen.casefold() in taken:
            number += 1
            chosen = f"{stem}-{number}"
        taken.add(chosen.casefold())
        found.append(f"{chosen}_{ending}.png")
    return found


def refuse_own(sources: Sequence[Any], files: Sequence[Path]) -> None:
    """Raises MartletError when one of the pictures would be written over."""
    own = {Path(source).resolve() for source in sources if isinstance(source, (str, Path))}
    for file in files:
        if file.resolve() in own:
            raise MartletError(
                f"output={file.parent} has the picture {file.name} that is to be explained, and it "
                "would be written over; give another folder."
            )
