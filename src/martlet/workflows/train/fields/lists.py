"""Options of `train` that say how a list of pictures, or shards, are read."""

from dataclasses import dataclass
from pathlib import Path

from martlet.arguments import option


@dataclass(frozen=True, kw_only=True)
class ListFields:
    """Columns and the folder of a list's paths, where names alone do not say them; downloads."""

    path_column: str | None = option(
        None, "Pictures: of a list, the column of paths (default: by its name).", only="pictures"
    )
    part_column: str | None = option(
        None, "Pictures: of a list, the column of train, val or test.", only="pictures"
    )
    cache_limit: str | None = option(
        None,
        "Pictures: most that shards at addresses may take on this disk, as 50GB (default: its free "
        "space).",
        only="pictures",
    )
    root: Path | None = option(
        None,
        "Pictures: folder that paths of a list lie below (default: the list's).",
        only="pictures",
    )
