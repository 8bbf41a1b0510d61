"""`shard`: a folder or a list of pictures as WebDataset shards."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.workflows.shard import Sharded


@typed
def shard(
    data: Annotated[
        Path,
        "Folder of class folders, alone or below train/, val/ and test/; or a list of pictures "
        "(.csv, .tsv, .parquet).",
    ],
    output: Annotated[Path, "Folder for the shards and their index."],
    *,
    size: Annotated[str, "Of a shard at most, as 500MB or 2GB."] = "500MB",
    name: Annotated[str | None, "What shards are called (default: as the data)."] = None,
    max_bad: Annotated[float, "Share of unreadable pictures that is let pass."] = 0.01,
    path_column: Annotated[str | None, "Of a list, the column of paths."] = None,
    label_column: Annotated[str | None, "Of a list, the column of labels."] = None,
    group_by: Annotated[str | None, "Of a list, the column of groups."] = None,
    part_column: Annotated[str | None, "Of a list, the column of parts."] = None,
    root: Annotated[Path | None, "Folder that paths of a list lie below."] = None,
    overwrite: Annotated[bool, "Replace shards of other pictures in the folder."] = False,
    quiet: Annotated[bool, "Print nothing but the result."] = False,
) -> "Sharded":
    """Write labelled pictures as WebDataset shards: tar files that are read from front to back.

    NAME-000000.tar and so on hold each picture's own bytes, its class's number (cls) and its class,
    path, group and part (json), mixed by content; shards.json has where each lies. `train` and
    `evaluate` take the folder, and come to the same as with the pictures themselves. Whatever was
    written stays when this ends early, and the same call goes on.

    Raises MartletError for pictures that cannot be read, shards of other pictures in the folder,
    and a disk without room; nothing is written then.
    """
    from martlet.workflows.shard import write

    columns = {
        "path_column": path_column,
        "label_column": label_column,
        "group_by": group_by,
        "part_column": part_column,
        "root": root,
    }
    return write(data, output, size, name, max_bad, columns, overwrite=overwrite, quiet=quiet)
