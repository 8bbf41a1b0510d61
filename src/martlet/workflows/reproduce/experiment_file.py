"""An experiment's file: its values, the lines that they stand on, and what all kinds have."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.arguments import checked
from martlet.errors import MartletError, unknown
from martlet.workflows.reproduce.experiment import Claim

SEVERAL = Sequence[str] | str
HEADING = ("title", "source", "asks", "note")
CLAIM: Mapping[str, Any] = {
    "says": str, "better": SEVERAL, "worse": SEVERAL, "interaction": bool,
}  # fmt: skip


class ExperimentFile:
    """The TOML of a file; every error names the file, and the line where it is known."""

    def __init__(self, path: Path) -> None:
        """Raises MartletError for a file that cannot be read, or is no TOML."""
        self.path = path
        try:
            self.lines = path.read_text(encoding="utf-8-sig").splitlines()
            self.values = tomllib.loads("\n".join(self.lines))
        except OSError as error:
            raise MartletError(f"{path} cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise MartletError(f"{path} is no valid TOML ({error}).") from error

    def at(self, *words: str) -> str:
        """The file, and the line of the last word: the first that has it from that of the word
        before it on, and so on; without it, that one."""
        found = None
        for word in words:
            here = range(found or 0, len(self.lines))
            for form in (f'"{word}"', f"{word} =", word):
                line = next((number for number in here if form in self.lines[number]), None)
                if line is not None:
                    found = line
                    break
        return str(self.path) if found is None else f"{self.path}, line {found + 1}"

    def check_keys(self, accepted: Sequence[str]) -> None:
        """Raises MartletError for a key of the file that is not accepted."""
        for key in self.values:
            if key not in accepted:
                raise unknown(f"{self.at(key)}: key", key, accepted)

    def heading(self) -> dict[str, str]:
        """What every kind of experiment has: name, title, source, asks, note."""
        texts = {key: self.text(key) for key in HEADING if key != "note" or key in self.values}
        return {"name": self.path.stem.replace("_", "-"), **texts}

    def text(self, key: str) -> str:
        """A text that must be there."""
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise MartletError(f'{self.at(key)}: {key} is missing or no text; give {key} = "…".')
        return value

    def table(self, key: str) -> dict[str, Any]:
        """A table, empty where there is none."""
        found = self.values.get(key, {})
        if not isinstance(found, dict):
            raise MartletError(f"{self.at(key)}: {key} is a table; give [{key}] and its keys.")
        return found

    def tables(self, key: str) -> list[dict[str, Any]]:
        """An array of tables, empty where there is none."""
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise MartletError(f"{self.at(key)}: {key} is an array of tables, one a line.")
        return found

    def fitting(self, given: Mapping[str, Any], accepted: Mapping[str, Any], what: str) -> None:
        """Raises MartletError for a key that is not accepted, or a value of another type."""
        marks = [str(given[key]) for key in ("name", "says") if key in given]
        for key, value in given.items():
            if key not in accepted:
                raise unknown(f"{self.at(*marks, key)}: key of {what}", key, list(accepted))
            checked(f"{self.at(*marks, key)}: {key}", value, accepted[key])

    def claim(self, given: Mapping[str, Any], known: Sequence[str]) -> Claim:
        """A claim about rows that are known."""
        self.fitting(given, CLAIM, "a claim")
        says = str(given.get("says", ""))
        sides = {}
        for side in ("better", "worse"):
            rows = given.get(side, ())
            sides[side] = [rows] if isinstance(rows, str) else list(rows)
            for row in sides[side]:
                if row not in known:
                    raise unknown(f"{self.at(says, row)}: row", row, known)
        interaction = given.get("interaction", False)
        if set(sides["better"]) & set(sides["worse"]) and not given.get("interaction"):
            raise MartletError(f"{self.at(says)}: a row is both better and worse; name two.")
        counts = len(sides["better"]), len(sides["worse"])
        if not says or counts[0] != counts[1] or not counts[0] or (interaction and counts[0] != 2):
            raise MartletError(
                f"{self.at(says or 'claims')}: a claim has says, and better and worse with as many "
                f"rows each{', two, as interaction says' if interaction else ''}."
            )
        return Claim(says=says, **sides, interaction=interaction)

    def check_names(self, names: Sequence[str]) -> None:
        """Raises MartletError for no rows, or for two of one name."""
        if not names:
            raise MartletError(f"{self.path} has no rows; give rows, an array of tables.")
        for name in names:
            if list(names).count(name) > 1:
                raise MartletError(f"{self.at(name)}: two rows are called {name!r}; rename one.")
