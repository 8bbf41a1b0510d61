"""Each recipe in the package loads, holds differences alone, and has a header that promises."""

import csv
import json
import runpy
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from statistics import fmean

import pytest

from martlet.errors import MartletError
from martlet.workflows import shipped_recipes
from martlet.workflows.recipe_file import load_recipe
from martlet.workflows.shipped_recipes import NOT_RUN, PROMISED, REPORTED, matching, names, shipped
from martlet.workflows.train.options import TrainOptions

ROOT = Path(__file__).parents[2]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """In place of the shipped ones; two recipes lie there."""
    there = tmp_path / "recipes"
    there.mkdir()
    (there / "quick.toml").write_text(
        "# Two epochs,\n# for a look.\n# command: martlet train a/ --recipe quick\n"
        "# result: top-1 50 %\n#   (40 to 60 over 3 seeds)\n\n# no header\nepochs = 2\n"
    )
    (there / "quiet.toml").write_text("# Little.\n# result: none\nerase = 0.1\n")
    monkeypatch.setattr(shipped_recipes, "FOLDER", there)
    return there


@pytest.mark.parametrize("name", names())
def test_a_recipe_loads_and_holds_differences_alone(name: str) -> None:
    values = load_recipe(name)
    TrainOptions(**values)
    defaults = {one.name: one.default for one in fields(TrainOptions)}
    assert values
    assert [key for key, value in values.items() if value == defaults[key]] == []


@pytest.mark.parametrize("name", names())
def test_a_header_promises(name: str) -> None:
    recipe = shipped(name)
    asked = REPORTED if recipe.header.get("result", "").startswith(NOT_RUN) else PROMISED
    assert recipe.purpose.endswith(".")
    assert [word for word in asked if not recipe.header.get(word)] == []
    assert f"--recipe {name}" in recipe.header["command"]
    if asked == PROMISED:
        assert (ROOT / recipe.header["csv"]).is_file()
        assert "seeds" in recipe.header["result"]
        assert float(recipe.header["minutes"]) > 0


@pytest.mark.parametrize("name", [name for name in names() if "csv" in shipped(name).header])
def test_a_promise_is_what_its_runs_reached(name: str) -> None:
    header = shipped(name).header
    with (ROOT / header["csv"]).open(encoding="utf-8") as file:
        rows = [row for row in csv.DictReader(file) if row["recipe"] == name]
    top1 = [100 * float(row["top1"]) for row in rows]
    spread = f"({min(top1):.1f} to {max(top1):.1f}, {len({row['seed'] for row in rows})} seeds)"
    assert len(rows) >= 3
    assert header["result"].startswith(f"{fmean(top1):.1f} % ")
    assert header["result"].endswith(spread)
    assert header["minutes"] == f"{fmean(float(row['seconds']) for row in rows) / 60:.1f}"
    threads = {"1": "one thread", "2": "two threads"}
    assert {f"{row['cpu']}, {threads[row['threads']]}" for row in rows} == {header["machine"]}


def test_a_header_is_the_comment_at_the_top(folder: Path) -> None:
    recipe = shipped("quick")
    assert recipe.purpose == "Two epochs, for a look."
    assert dict(recipe.header) == {
        "command": "martlet train a/ --recipe quick",
        "result": "top-1 50 % (40 to 60 over 3 seeds)",
    }


def test_a_name_is_a_shipped_recipe_and_a_path_a_file(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert load_recipe("quick") == {"epochs": 2}
    monkeypatch.chdir(tmp_path)
    Path("quick").write_text("epochs = 3\n")
    Path("own").write_text("epochs = 4\n")
    assert load_recipe("quick") == {"epochs": 2}
    assert load_recipe("./quick") == load_recipe(Path("quick")) == {"epochs": 3}
    assert load_recipe("own") == {"epochs": 4}


def test_an_unknown_name_is_a_sentence_with_those_there_are(folder: Path) -> None:
    with pytest.raises(MartletError, match="recipe 'quik' is not known; did you mean quick"):
        load_recipe("quik")
    with pytest.raises(MartletError, match=r"accepted: quick, quiet\. `martlet list --recipes`"):
        load_recipe("zzzzzz")
    with pytest.raises(MartletError, match="matches no recipe"):
        matching("x*")


def test_the_command_line_takes_a_name_and_lists_them(folder: Path, call: Call) -> None:
    code, out, _ = call("list", "--recipes")
    assert (code, out.splitlines()[0]) == (0, "quick: Two epochs, for a look.")
    assert "    top-1 50 % (40 to 60 over 3 seeds)" in out.splitlines()
    rows = json.loads(call("list", "qui*", "--recipes", "--json")[1])
    assert [row["name"] for row in rows] == ["quick", "quiet"]
    code, _, err = call("list", "--recipes", "--sort", "macs")
    assert (code, "sort='macs' is for networks" in err) == (2, True)
    code, _, err = call("train", "nowhere", "--recipe", "quick")
    assert (code, "'nowhere' does not exist" in err) == (2, True)
    code, _, err = call("train", "nowhere", "--recipe", "quik")
    assert (code, "did you mean quick" in err) == (2, True)
    (folder / "quick.toml").write_text("epochs = 0\n")  # seen to be read
    assert "epochs=0 is not accepted" in call("train", "nowhere", "--recipe", "quick")[2]


def test_the_table_in_the_documentation_is_fresh() -> None:
    page = runpy.run_path(str(ROOT / "docs" / "recipes.py"))
    assert page["page"]() == page["PAGE"].read_text("utf-8")  # python docs/recipes.py
