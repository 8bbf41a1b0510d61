"""Where files lie that can be made again at any time."""

import os
from pathlib import Path

from platformdirs import user_cache_path

from martlet.errors import MartletError


def cache_folder() -> Path:
    """$MARTLET_CACHE, else $XDG_CACHE_HOME/martlet, else the system's: ~/.cache/martlet on Linux.

    Raises MartletError when there is no home folder for it.
    """
    if chosen := os.environ.get("MARTLET_CACHE"):
        return Path(chosen)
    try:  # an older platformdirs leaves the "~" of a user without a home to us
        return user_cache_path("martlet", appauthor=False).expanduser()
    except RuntimeError as error:
        raise MartletError("there is no home folder; set MARTLET_CACHE to a folder.") from error
