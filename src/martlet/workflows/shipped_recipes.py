"""Recipes that lie in the package: files of options of `train`, whose headers are promises.

A header is the comment at the top of the file: a first line that says what the recipe is for, then
a line for each of `PROMISED` (measured) or `REPORTED` (others' figures, not run here).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from martlet.errors import MartletError, unknown

FOLDER = Path(__file__).parents[1] / "recipes"
SUFFIX = ".toml"
PROMISED = ("command", "machine", "minutes", "result", "csv")
REPORTED = ("command", "result", "source")
NOT_RUN = "not run here"  # how the result of a recipe begins whose figures are others'


@dataclass(frozen=True)
class ShippedRecipe:
    """A recipe's name, what it is for, and the lines of its header by their first word."""

    name: str
    purpose: str
    header: Mapping[str, str] = field(default_factory=dict)


def names() -> list[str]:
    """Of all recipes in the package, sorted."""
    return sorted(path.stem for path in FOLDER.glob(f"*{SUFFIX}"))


def shipped_path(name: str) -> Path:
    """The file of a recipe; raises MartletError, with what there is, for an unknown name."""
    known = names()
    if name in known:
        return FOLDER / f"{name}{SUFFIX}"
    said = str(unknown("recipe", name, known))
    raise MartletError(
        f"{said} `martlet list --recipes` has them all; a file's name ends in .toml."
    )


def shipped(name: str) -> ShippedRecipe:
    """A recipe's header; raises MartletError as `shipped_path` does."""
    return ShippedRecipe(name, *_header(shipped_path(name).read_text(encoding="utf-8")))


def matching(pattern: str = "*") -> list[ShippedRecipe]:
    """The recipes whose names match, with * and ?; raises MartletError when none does."""
    found = [shipped(name) for name in names() if fnmatchcase(name, pattern)]
    if not found:
        raise MartletError(
            f"pattern={pattern!r} matches no recipe; `martlet list --recipes` shows all."
        )
    return found


def _header(text: str) -> tuple[str, dict[str, str]]:
    """The first line of the comment at the top, and the others by the word before their colon.

    A line that begins with none of these words goes on with the one above it.
    """
    purpose, last, found = "", "", dict[str, str]()
    for line in text.splitlines():
        if not line.startswith("#"):
            break
        said = line.removeprefix("#").strip()
        word, colon, rest = said.partition(": ")
        if colon and word in {*PROMISED, *REPORTED, "differs"}:
            last, found[word] = word, rest.strip()
        elif last:
            found[last] += f" {said}"
        else:
            purpose = f"{purpose} {said}".strip()
    return purpose, found
