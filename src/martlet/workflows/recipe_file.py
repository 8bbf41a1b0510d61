"""Recipe files: the options of `train` that differ from its defaults, as TOML."""

import inspect
import shlex
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from martlet.errors import MartletError, unknown

NOT_REPEATED = {"resume", "overwrite", "quiet"}
NOT_IN_RECIPES = {"data", "folder", "name", "resume", "overwrite", "quiet"}


def load_recipe(path: str | Path) -> dict[str, Any]:
    """The options in a recipe file, for `train(data, **load_recipe(path))`.

    Raises MartletError for a missing file, bad TOML, and a key that is no option of a recipe.
    """
    from martlet.api.train import train

    path = Path(path)
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise MartletError(f"recipe={path} cannot be read ({error.strerror}).") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise MartletError(f"recipe={path} is no valid TOML ({error}).") from error
    accepted = [name for name in inspect.signature(train).parameters if name not in NOT_IN_RECIPES]
    for key in values:
        if key not in accepted:
            raise unknown(f"{path}: option", key, accepted)
    return values


def command_line(verb: Callable[..., Any], given: Mapping[str, Any]) -> str:
    """The `martlet` command that does what `verb` does with these arguments.

    Options that have their default are left out, and so is what only says how to treat a folder.
    """
    words = ["martlet", verb.__name__]
    for name, parameter in inspect.signature(verb).parameters.items():
        value, flag = given[name], name.replace("_", "-")
        if parameter.default is parameter.empty:
            words.append(str(value))
        elif value != parameter.default and name not in NOT_REPEATED:
            if isinstance(value, bool):
                words.append(f"--{flag}" if value else f"--no-{flag}")
            else:
                words += [f"--{flag}", str(value)]
    return shlex.join(words)
