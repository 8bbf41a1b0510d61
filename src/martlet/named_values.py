"""Values by name as a command line has them: NAME=VALUE, each value JSON or a text."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, is_dataclass
from numbers import Integral, Real
from reprlib import repr as short
from typing import Any

from martlet.errors import MartletError

PYTHONS = {"True": "true", "False": "false", "None": "null"}  # JSON's spelling


def assignments(texts: Sequence[str], option: str) -> dict[str, Any]:
    """["kernel=5", "stem=full"] -> {"kernel": 5, "stem": "full"}.

    A value is JSON (5, true, {...}), Python's True, False or None, or else the text itself. Raises
    MartletError, which names `option`, for a text of another form.
    """
    values = {}
    for text in texts:
        name, equals, value = text.partition("=")
        if not (name and equals):
            raise MartletError(f"{option}={text!r} is not accepted; give NAME=VALUE.")
        try:
            values[name] = json.loads(PYTHONS.get(value, value))
        except (ValueError, RecursionError):
            values[name] = value
    return values


def assignment(name: str, value: Any) -> str:
    """The text that `assignments` reads as this value; MartletError when there is none."""
    if isinstance(value, str) and assignments([f"{name}={value}"], name) == {name: value}:
        return f"{name}={value}"
    return f"{name}={json.dumps(json_value(value, name))}"


def json_value(value: Any, name: str) -> Any:
    """`value` of JSON's types: NumPy's numbers and data classes too; MartletError for others."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    if is_dataclass(value) and not isinstance(value, type):
        return json_value(asdict(value), name)
    if isinstance(value, Mapping):
        return {str(key): json_value(part, name) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [json_value(part, name) for part in value]
    raise MartletError(
        f"{name}={short(value)} is not accepted; give a number, text, True, False, None, or a "
        "table or list of these."
    )
