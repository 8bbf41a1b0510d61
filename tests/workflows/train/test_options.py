"""A field added to the options of training is known everywhere."""

import inspect
import json
import runpy
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from typer.testing import CliRunner

from martlet.api.train import train
from martlet.arguments import option, takes
from martlet.cli import main
from martlet.errors import MartletError
from martlet.only_for import limited
from martlet.training.ranges import AT_LEAST_1
from martlet.workflows.recipe_file import load_recipe
from martlet.workflows.run_folder import Run
from martlet.workflows.train.options import TrainOptions

DOCS = Path(__file__).parents[3] / "docs"


@dataclass(frozen=True, kw_only=True)
class Longer(TrainOptions):
    """The options, and one more."""

    patience: int = option(3, "Epochs without a better one before the end.", AT_LEAST_1)
    rotate: bool = option(False, "Recordings: turned by chance.", only="recordings")


def show(path: Path, options: Longer) -> dict[str, object]:
    """Show it."""
    own = {"path": path, "patience": options.patience, "epochs": options.epochs}
    return {**own, "given": sorted(options.given)}


show.__annotations__["path"] = inspect.signature(train).parameters["data"].annotation


def test_it_is_in_the_signature_and_checked() -> None:
    verb = takes(Longer)(show)
    assert inspect.signature(verb).parameters["patience"].default == 3
    assert verb("photos", patience=4, epochs=2) == {
        "path": Path("photos"),
        "patience": 4,
        "epochs": 2,
        "given": ["epochs", "patience"],
    }
    with pytest.raises(MartletError, match=r"^patience=0 is not accepted; give 1 or more\.$"):
        verb("photos", patience=0)
    with pytest.raises(MartletError, match="'patient' is not known; did you mean patience"):
        verb("photos", patient=4)  # type: ignore[call-arg]


def test_it_is_a_flag_and_a_key_of_recipe_files(tmp_path: Path) -> None:
    recipe = tmp_path / "r.toml"
    recipe.write_text("patience = 5\nepochs = 7\n")
    assert load_recipe(recipe, Longer) == {"patience": 5, "epochs": 7}
    app = main.typer.Typer(rich_markup_mode=None)
    main.add(takes(Longer)(show), "tables.nothing", "show", Longer, app)
    helped = CliRunner().invoke(app, ["--help"]).output
    assert "--patience" in helped
    assert "Epochs without a better one" in " ".join(helped.split())
    given = CliRunner().invoke(
        app, ["photos", "--recipe", str(recipe), "--patience", "6", "--json"]
    )
    assert json.loads(given.stdout) == {
        "path": "photos",
        "patience": 6,
        "epochs": 7,
        "given": ["epochs", "patience"],
    }


def test_its_kinds_of_data_are_one_word_beside_it() -> None:
    given = limited(takes(Longer)(show), {"rotate": True, "epochs": 2})
    assert given == {"rotate": (True, ("recordings",))}


def test_it_is_a_row_of_the_table_in_the_docs() -> None:
    page = runpy.run_path(str(DOCS / "training.py"))
    row = "| `patience` | 1 or more | `3` | Epochs without a better one before the end. |"
    assert row in page["table"](Longer).splitlines()
    assert page["page"]() == (DOCS / "training.md").read_text(
        encoding="utf-8"
    )  # python docs/training.py


def test_the_command_of_a_run_names_what_is_not_default() -> None:
    options = TrainOptions(epochs=3, flip=False, resume=True, lr=0.1, weights="a b")
    assert options.command(Path("my photos")) == (
        "martlet train 'my photos' --epochs 3 --lr 0.1 --no-flip --weights 'a b'"
    )


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"epochs": "3"}, "epochs='3' is not accepted; give a whole number."),
        ({"epochs": True}, "epochs=True is not accepted; give a whole number."),
        ({"epochs": 3.5}, "epochs=3.5 is not accepted; give a whole number."),
        ({"lr": "x"}, "lr='x' is not accepted; give a number or None."),
        ({"flip": "no"}, "flip='no' is not accepted; give True or False."),
        ({"flip": 1}, "flip=1 is not accepted; give True or False."),
        ({"device": None}, "device=None is not accepted; give text."),
        ({"weights": 3}, "weights=3 is not accepted; give a path or None."),
        ({"resize": "stretch"}, "resize 'stretch' is not known; accepted: crop, squash."),
        ({"workers": -1}, "workers=-1 is not accepted; give 0 to 1024."),
        (
            {"epoch": 3},
            "option 'epoch' is not known; did you mean epochs, step_epochs, head_epochs?",
        ),
    ],
)
def test_what_is_not_accepted_is_one_sentence(
    quick: Callable[..., Run], given: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError) as caught:
        quick(**given)
    assert str(caught.value) == sentence
