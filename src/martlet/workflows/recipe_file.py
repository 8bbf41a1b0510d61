"""Recipe files: the options of `train` that differ from its defaults, as TOML."""

import tomllib
from os import sep
from pathlib import Path
from typing import Any, get_args

from martlet.arguments import checked, parameters_of
from martlet.errors import MartletError, unknown
from martlet.workflows.shipped_recipes import SUFFIX, names, shipped_path
from martlet.workflows.train.options import NOT_IN_RECIPES, TrainOptions


def load_recipe(path: str | Path, options: type = TrainOptions) -> dict[str, Any]:
    """The options in a recipe, for `train(data, **load_recipe(path))`.

    path: of a file, or the name of a shipped recipe (`martlet list --recipes`). A text that ends
        in .toml or names a folder is a file; `./NAME` is a file that is called as a recipe.

    Raises MartletError for a missing file, bad TOML, a key that is none of the `options`, and the
    name of no recipe.
    """
    path = recipe_path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")  # Windows' editors write a mark first
        values = tomllib.loads(text)
    except OSError as error:
        raise MartletError(f"recipe={path} cannot be read ({error.strerror}).") from error
    except (ValueError, RecursionError) as error:  # also numbers of 5,000 digits, deep brackets
        raise MartletError(f"recipe={path} is no valid TOML ({error}).") from error
    parameters = [p for p in parameters_of(options) if p.name not in NOT_IN_RECIPES]
    hints = {p.name: get_args(p.annotation)[0] for p in parameters}
    for key, value in values.items():
        if key in NOT_IN_RECIPES and issubclass(options, TrainOptions):
            raise MartletError(
                f"{path}: {key} says where a run lies and how it is treated, not what it is; leave "
                "it out, and give it beside the recipe."
            )
        if key not in hints:
            raise unknown(f"{path}: option", key, list(hints))
        if isinstance(value, (list, dict)):  # a flag's text can be any other value
            checked(f"{path}: {key}", value, hints[key])
    return values


def recipe_path(given: str | Path) -> Path:
    """The file that is meant: a path, or a shipped recipe's by its name."""
    text, path = str(given), Path(given)
    if isinstance(given, Path) or sep in text or "/" in text or path.suffix == SUFFIX:
        return path
    return path if text not in names() and path.exists() else shipped_path(text)
