"""Recipe files: the options of `train` that differ from its defaults, as TOML."""

import tomllib
from pathlib import Path
from typing import Any, get_args

from martlet.arguments import checked, parameters_of
from martlet.errors import MartletError, unknown
from martlet.workflows.train_options import NOT_IN_RECIPES, TrainOptions


def load_recipe(path: str | Path, options: type = TrainOptions) -> dict[str, Any]:
    """The options in a recipe file, for `train(data, **load_recipe(path))`.

    Raises MartletError for a missing file, bad TOML, and a key that is none of the `options`.
    """
    path = Path(path)
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
        if key not in hints:
            raise unknown(f"{path}: option", key, list(hints))
        if isinstance(value, (list, dict)):  # a flag's text can be any other value
            checked(f"{path}: {key}", value, hints[key])
    return values
