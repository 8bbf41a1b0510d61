"""Options of `train` that say how a list of pictures is read; `evaluate` has them too."""

from dataclasses import dataclass
from pathlib import Path

from martlet.arguments import option


@dataclass(frozen=True, kw_only=True)
class ListFields:
    """Columns and the folder of a list's paths, where names alone do not say them."""

    path_column: str | None = option(
        None, "Pictures: of a list, the column of paths (default: by its name).", only="pictures"
    )
    part_column: str | None = option(
        None, "Pictures: of a list, the column of train, val or test.", only="pictures"
    )
    root: Path | None = option(
        None,
        "Pictures: folder that paths of a list lie below (default: the list's).",
        only="pictures",
    )
