"""What a verb returns, on standard output: for people, or as JSON or CSV for programs."""

import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from importlib import import_module
from math import isfinite
from pathlib import Path
from typing import Any

from martlet.console.answers import as_csv


def print_result(result: Any, form: str, printer: str) -> None:
    """A verb's result as JSON, lines of JSON, CSV or, for people, as `printer` has it."""
    try:
        _write(result, form, printer)
    except OSError as error:
        error.filename = error.filename or "standard output"
        raise


def _write(result: Any, form: str, printer: str) -> None:
    if form == "json":
        print(json.dumps(plain(result), indent=2, allow_nan=False))
    elif form == "jsonl":
        for answer in result:
            print(json.dumps(plain(answer), allow_nan=False))
    elif form == "csv":
        print(as_csv(result), end="")
    else:
        module, _, name = printer.partition(".")
        getattr(import_module(f"martlet.console.{module}"), name)(result)


def plain(value: Any) -> Any:
    """Dataclasses, paths and numbers as JSON knows them: what is infinite or NaN is null."""
    if hasattr(value, "to_dict"):
        return plain(value.to_dict())
    if is_dataclass(value) and not isinstance(value, type):
        public = (field.name for field in fields(value) if not field.name.startswith("_"))
        return {name: plain(getattr(value, name)) for name in public}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    if isinstance(value, float) and not isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
