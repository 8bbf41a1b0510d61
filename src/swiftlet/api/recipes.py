"""Recipe files: the options of `train` that differ from its defaults, as TOML."""

import inspect
import tomllib
from pathlib import Path
from typing import Any

from swiftlet.errors import SwiftletError, unknown

NOT_IN_RECIPES = {"data", "folder", "name", "resume", "overwrite", "quiet"}


def load_recipe(path: str | Path) -> dict[str, Any]:
    """The options in a recipe file, for `train(data, **load_recipe(path))`.

    Raises SwiftletError for a missing file, bad TOML, and a key that is no option of a recipe.
    """
    from swiftlet.api.train import train

    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SwiftletError(f"recipe={path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SwiftletError(f"recipe={path} is no valid TOML ({error}).") from error
    accepted = [name for name in inspect.signature(train).parameters if name not in NOT_IN_RECIPES]
    for key in values:
        if key not in accepted:
            raise unknown(f"{path}: option", key, accepted)
    return values
