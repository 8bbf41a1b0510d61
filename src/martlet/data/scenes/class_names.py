"""Names of the values of a label map, from a file of text."""

import re
from collections.abc import Collection
from pathlib import Path

from martlet.data.class_names import one_form
from martlet.errors import MartletError

_NUMBERED = re.compile(r"(\d+)(?:\.0*)?\s*[,;:=\t ]\s*(\S.*)")


def read_class_names(path: str | Path, values: Collection[int]) -> dict[int, str]:
    """The name of each of `values`, as a file of UTF-8 text has them, one a line.

    Either every line is a value and its name, between them a space, tab, comma, semicolon, colon
    or equals sign ("2.0" is the value 2); or every line is a name: of 1, 2, 3 and so on. Empty
    lines and those that begin with # do not count; what is said of value 0, or of values that are
    not there, is left out.
    Raises MartletError when a value is without a name, or two have the same.
    """
    shown = str(path)
    try:
        text = Path(path).read_text(encoding="utf-8-sig")
    except (OSError, ValueError) as error:
        reason = "is not UTF-8 text" if isinstance(error, ValueError) else error.strerror or error
        raise MartletError(f"class_names={shown!r} cannot be read ({reason}).") from error
    lines = [one_form(line.strip()) for line in text.splitlines()]
    lines = [line for line in lines if line and not line.startswith("#")]
    matches = [_NUMBERED.fullmatch(line) for line in lines]
    if all(matches):
        pairs = [(int(match[1]), match[2]) for match in matches if match]
        twice = next((v for v, _ in pairs if sum(v == other for other, _ in pairs) > 1), None)
        if twice is not None:
            raise MartletError(f"class_names={shown!r} names value {twice} more than once.")
    elif any(matches):
        odd = next(line for line, match in zip(lines, matches, strict=True) if not match)
        raise MartletError(
            f"class_names={shown!r} has lines with a value and a name, and {odd!r} without; write "
            "the value before every name, or before none."
        )
    else:
        pairs = list(enumerate(lines, start=1))
    names = {value: name for value, name in sorted(pairs) if value in values and value}
    without = sorted(value for value in values if value not in names and value)
    if without:
        numbered = " as VALUE NAME" if not any(matches) else ""
        raise MartletError(
            f"class_names={shown!r} has no name for the values {', '.join(map(str, without[:8]))} "
            f"of the label map ({len(pairs)} names are there); write one a line{numbered}."
        )
    check_distinct(names, f"class_names={shown!r}")
    return names


def check_distinct(names: dict[int, str], source: str) -> None:
    """Raises MartletError when two values have one name."""
    seen: dict[str, int] = {}
    for value, name in names.items():
        if name in seen:
            raise MartletError(
                f"{source} gives the values {seen[name]} and {value} the same name, {name!r}; "
                "give them names of their own with --class-names."
            )
        seen[name] = value
