"""Files of experiments: TOML, checked to the last name before anything is trained.

A file says whose table it is (`title`, `source`, `asks`, `unit`), gives the rows and the claims,
and names the `setting` that its runs share with other experiments: a table of settings.toml with
data and options for each size. A table `[small]` of its own holds what differs from that.
"""

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, get_args

from martlet.arguments import checked, parameters_of
from martlet.errors import MartletError, unknown
from martlet.models.spec import Printed
from martlet.models.table import find as find_network
from martlet.models.table import own_options
from martlet.workflows.recipe_file import load_recipe
from martlet.workflows.reproduce.experiment import SIZES, Claim, Experiment, Row, Size
from martlet.workflows.train.options import NOT_IN_RECIPES, TrainOptions

FOLDER = Path(__file__).parents[2] / "experiments"
SETTINGS = "settings"
TEXTS = ("title", "source", "asks", "unit")
FIGURES = ("error", "accuracy")
KEYS = (*TEXTS, "figure", "note", "setting", "rows", "claims", *SIZES)
SEVERAL = Sequence[str] | str
ROW: Mapping[str, Any] = {
    "name": str, "model": str | None, "options": Mapping[str, Any], "train": Mapping[str, Any],
    "paper": float | None, "macs": str | None, "only": Sequence[str],
}  # fmt: skip
CLAIM: Mapping[str, Any] = {
    "says": str, "better": SEVERAL, "worse": SEVERAL, "interaction": bool,
}  # fmt: skip
SIZE: Mapping[str, Any] = {
    "train": int | None, "test": int | None, "seeds": int, "options": Mapping[str, Any],
    "minutes": float | None, "recipe": str,
}  # fmt: skip


def names() -> list[str]:
    """Of all experiments in the package, sorted."""
    return sorted(
        path.stem.replace("_", "-") for path in FOLDER.glob("*.toml") if path.stem != SETTINGS
    )


def find(name: str) -> Experiment:
    """An experiment by its name, or by the path of a file.

    Raises MartletError for an unknown name, and for whatever is wrong in the file, with its line.
    """
    if name.endswith(".toml"):
        return read(Path(name))
    if name not in names():
        raise MartletError(
            f"{unknown('experiment', name, names())} `martlet reproduce` lists them; a file's name "
            "ends in .toml."
        )
    return read(FOLDER / f"{name.replace('-', '_')}.toml")


def read(path: Path) -> Experiment:
    """An experiment from its file; raises MartletError for whatever is wrong in it."""
    return _File(path).experiment()


class _File:
    """A file's values, and the lines that they stand on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self.text = path.read_text(encoding="utf-8-sig")
            self.values = tomllib.loads(self.text)
        except OSError as error:
            raise MartletError(f"{path} cannot be read ({error.strerror}).") from error
        except (ValueError, RecursionError) as error:
            raise MartletError(f"{path} is no valid TOML ({error}).") from error

    def at(self, *words: str) -> str:
        """The file, and the line of the last word: the first that has it from that of the word
        before it on, and so on; without it, that one."""
        lines, found = self.text.splitlines(), None
        for word in words:
            here = range(found or 0, len(lines))
            for form in (f'"{word}"', f"{word} =", word):
                line = next((number for number in here if form in lines[number]), None)
                if line is not None:
                    found = line
                    break
        return str(self.path) if found is None else f"{self.path}, line {found + 1}"

    def experiment(self) -> Experiment:
        for key in self.values:
            if key not in KEYS:
                raise unknown(f"{self.at(key)}: key", key, KEYS)
        texts = {key: self._text(key) for key in TEXTS}
        figure = self.values.get("figure", "error")
        if figure not in FIGURES:
            raise unknown(f"{self.at('figure')}: figure", str(figure), FIGURES)
        rows = [self._row(given) for given in self._tables("rows")]
        if not rows:
            raise MartletError(f"{self.path} has no rows; give rows, an array of tables.")
        known = [row.name for row in rows]
        for name in known:
            if known.count(name) > 1:
                raise MartletError(f"{self.at(name)}: two rows are called {name!r}; rename one.")
        claims = [self._claim(given, known) for given in self._tables("claims")]
        return Experiment(
            name=self.path.stem.replace("_", "-"),
            **texts,
            figure=figure,
            rows=rows,
            claims=claims,
            sizes={name: self._size(name) for name in SIZES},
            note=self._text("note") if "note" in self.values else "",
        )

    def _text(self, key: str) -> str:
        value = self.values.get(key)
        if not isinstance(value, str) or not value.strip():
            raise MartletError(f'{self.at(key)}: {key} is missing or no text; give {key} = "…".')
        return value

    def _tables(self, key: str) -> list[dict[str, Any]]:
        found = self.values.get(key, [])
        if not isinstance(found, list) or not all(isinstance(one, dict) for one in found):
            raise MartletError(f"{self.at(key)}: {key} is an array of tables, one a line.")
        return found

    def _fitting(self, given: Mapping[str, Any], accepted: Mapping[str, Any], what: str) -> None:
        """Raises MartletError for a key that is not accepted, or a value of another type."""
        marks = [str(given[key]) for key in ("name", "says") if key in given]
        for key, value in given.items():
            if key not in accepted:
                raise unknown(f"{self.at(*marks, key)}: key of {what}", key, list(accepted))
            checked(f"{self.at(*marks, key)}: {key}", value, accepted[key])

    def _row(self, given: dict[str, Any]) -> Row:
        self._fitting(given, ROW, "a row")
        if "name" not in given:
            raise MartletError(f"{self.at(*map(str, given.values()))}: a row has no name.")
        row = Row(**given)
        if row.model is None:
            return self._printed_alone(row)
        try:
            file, network = find_network(row.model)
            own_options(file, network, dict(row.options))
        except MartletError as error:
            raise MartletError(f"{self.at(row.name, row.model)}: {error}") from error
        if not row.options and not row.train:
            row = _with_printed(row, network.paper, self.values.get("figure", "error"))
        self._check_train(row.train, row.name)
        for size in row.only:
            if size not in SIZES:
                raise unknown(f"{self.at(row.name, size)}: size", size, SIZES)
        return row

    def _printed_alone(self, row: Row) -> Row:
        if row.options or row.train or row.paper is None:
            raise MartletError(
                f"{self.at(row.name)}: {row.name!r} has no model, so that it is printed "
                "alone; give its figure as paper, and neither options nor train, or a model."
            )
        return row

    def _check_train(self, options: Mapping[str, Any], *near: str) -> None:
        """Raises MartletError for options that `train` does not have, or values out of range."""
        hints = {one.name: get_args(one.annotation)[0] for one in parameters_of(TrainOptions)}
        accepted = [name for name in hints if name not in NOT_IN_RECIPES]
        for key, value in options.items():
            where = self.at(*near, key)
            if key not in accepted:
                raise unknown(f"{where}: option of train", key, accepted)
            checked(f"{where}: {key}", value, hints[key])
        try:
            TrainOptions(**options)
        except MartletError as error:
            raise MartletError(f"{self.at(*near)}: {error}") from error

    def _claim(self, given: dict[str, Any], known: Sequence[str]) -> Claim:
        self._fitting(given, CLAIM, "a claim")
        says = str(given.get("says", ""))
        sides = {}
        for side in ("better", "worse"):
            rows = given.get(side, ())
            sides[side] = [rows] if isinstance(rows, str) else list(rows)
            for row in sides[side]:
                if row not in known:
                    raise unknown(f"{self.at(says, row)}: row", row, known)
        interaction = given.get("interaction", False)
        counts = len(sides["better"]), len(sides["worse"])
        if not says or counts[0] != counts[1] or not counts[0] or (interaction and counts[0] != 2):
            raise MartletError(
                f"{self.at(says or 'claims')}: a claim has says, and better and worse with as many "
                f"rows each{', two, as interaction says' if interaction else ''}."
            )
        return Claim(says=says, **sides, interaction=interaction)

    def _size(self, name: str) -> Size:
        """The setting's size, with what this file says of it."""
        own = self.values.get(name, {})
        self._fitting(own, SIZE, f"[{name}]")
        shared = settings()
        setting = self._text("setting")
        if setting not in shared:
            raise unknown(f"{self.at('setting')}: setting", setting, list(shared))
        given = shared[setting].get(name, {})
        recipe = own.get("recipe", given.get("recipe"))
        options = {} if recipe is None else load_recipe(recipe)
        options |= {**given.get("options", {}), **own.get("options", {})}
        self._check_train(options, f"[{name}]")
        known = {one.name for one in fields(Size)}
        values = {key: value for key, value in {**given, **own}.items() if key in known}
        return Size(name=name, **{**values, "options": options})


def _with_printed(row: Row, printed: Printed, figure: str) -> Row:
    """With what the network's own row has of the paper, where the file says nothing."""
    error = printed.top1_error
    own = error if error is None or figure == "error" else 100 - error
    return replace(
        row,
        paper=own if row.paper is None else row.paper,
        macs=printed.macs if row.macs is None else row.macs,
    )


def settings() -> dict[str, dict[str, Any]]:
    """Setting -> size -> what the runs of all its experiments have in common."""
    return tomllib.loads((FOLDER / f"{SETTINGS}.toml").read_text(encoding="utf-8"))
