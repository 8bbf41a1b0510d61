"""MATLAB files of recordings: what is in them, or a sentence."""

import io
from pathlib import Path
from typing import Any

from martlet.data.mat_tags import check_tags
from martlet.errors import MartletError, shortened


def read_mat(path: Path, name: str) -> dict[str, Any]:
    """Arrays by name, without MATLAB's own. Raises MartletError, which names the file."""
    from scipy.io import loadmat

    try:
        content = path.read_bytes()
        check_tags(content, name)
        found = loadmat(io.BytesIO(content))
    except MartletError:
        raise
    except NotImplementedError as error:
        raise MartletError(
            f"{name!r} is a MATLAB file of version 7.3, which is not read here; save it with -v7."
        ) from error
    except Exception as error:  # scipy meets damaged files with every kind of exception
        why = shortened(str(error) or type(error).__name__, 100)
        raise MartletError(f"{name!r} cannot be read as a MATLAB file ({why}).") from error
    return {key: value for key, value in found.items() if not key.startswith("__")}


def wanted(arrays: dict[str, Any], keys: tuple[str, ...], name: str) -> Any:
    """The array of one of these names. Raises MartletError where there is none."""
    for key in keys:
        if key in arrays:
            return arrays[key]
    raise MartletError(f"{name!r} has no array {keys[0]!r}; it has {', '.join(arrays) or 'none'}.")
