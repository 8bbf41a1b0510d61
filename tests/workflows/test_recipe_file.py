from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.workflows.recipe_file import load_recipe


def test_values_come_as_toml_has_them(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text('# minutes: 1\nepochs = 3\nflip = false\noptimizer = "adamw"\nlr = 1e-3\n')
    assert load_recipe(path) == {"epochs": 3, "flip": False, "optimizer": "adamw", "lr": 1e-3}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("ema = []", r"r.toml: ema=\[\] is not accepted; give a number"),
        ("epochs = {a = 1}", r"r.toml: epochs=.* is not accepted; give a whole number"),
        ("model_options = [1]", r"r.toml: model_options=\[1\] is not accepted; give a"),
        ("epochs = ", "no valid TOML"),
        ("epoch = 1", "did you mean epochs"),
        ("resume = true", "resume says where a run lies and how it is treated, not what it is; le"),
        ('name = "a"', "name says where a run lies"),
        ("[train]\nepochs = 1", "'train' is not known"),
        ("seed = " + 5000 * "9", "no valid TOML"),
        ("seed = " + 20_000 * "[", "no valid TOML"),
    ],
)
def test_bad_content(tmp_path: Path, content: str, sentence: str) -> None:
    path = tmp_path / "r.toml"
    path.write_text(content)
    with pytest.raises(MartletError, match=sentence):
        load_recipe(path)


def test_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"recipe=.*no\.toml cannot be read"):
        load_recipe(tmp_path / "no.toml")


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "r.toml"
    path.write_text("\ufeffepochs = 3\n", encoding="utf-8")
    assert load_recipe(path) == {"epochs": 3}
