"""Options of other kinds of data are refused, when they were given, in one sentence."""

import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import pytest

from martlet.api.evaluate import evaluate
from martlet.api.predict import predict
from martlet.api.train import train
from martlet.data.kinds import KINDS
from martlet.errors import MartletError
from martlet.only_for import kinds_of, limited
from martlet.workflows.run_folder import Run

DATA = {kind.data for kind in KINDS.values()}
HEADS = re.compile(rf"(?:^|[.)] )((?:{'|'.join(DATA)})(?:, (?:{'|'.join(DATA)}))*):", re.IGNORECASE)
# One option of each kind for each model; labels make a scene of what a network of pictures takes.
SERIES, SCENE = {"model": "shufflenet_series"}, {"model": "hybridsn"}
PICTURES: dict[str, Any] = {}
AS_SCENE = {"labels": "gt.mat"}


@pytest.mark.parametrize("verb", [train, evaluate, predict])
def test_the_help_of_an_option_says_which_kinds_have_it(verb: Callable[..., Any]) -> None:
    for parameter in inspect.signature(verb).parameters.values():
        heads = HEADS.findall(get_args(parameter.annotation)[1])
        said = {word.lower() for head in heads for word in head.split(", ")}
        assert said == set(kinds_of(parameter) or ()) <= DATA, parameter.name


@pytest.mark.parametrize(
    ("which", "option", "sentence"),
    [
        (PICTURES, {"rate": 50}, r"rate=50\.0 is for recordings, and shufflenet_v2_x1_0 takes pic"),
        (AS_SCENE, {"fold": 1}, "fold=1 is for pictures, boxes and rec"),
        (PICTURES, {"pca": "whole-scene"}, "is for scenes, .* give a scene's label map as labels"),
        (PICTURES, {"train_share": 0.3}, "is for scenes"),
        (PICTURES, {"window": 9}, "is for scenes and recordings"),
        (PICTURES, {"tiles": "on"}, "tiles='on' is for scenes"),
        (PICTURES, {"seeds": 2}, "seeds=2 is for scenes"),
        (PICTURES, {"class_names": "a.txt"}, r"class_names=a\.txt is for scenes"),
        (
            AS_SCENE,
            {"cross_validate": "subject"},
            "is for pictures, boxes and recordings, .* takes sc",
        ),
        (AS_SCENE, {"erase": 0.2}, "is for pictures, .* leave it out, or leave labels out"),
        (AS_SCENE, {"test": 0.3}, "is for pictures, boxes and recordings"),
        (SCENE, {"channels": "L"}, "is for pictures, boxes and recordings"),
        (SCENE, {"stride": 4}, "is for recordings, .* such as shufflenet_series"),
        (SERIES, {"labels": "gt.mat"}, "is for scenes, .* such as hybridsn"),
        (SERIES, {"flip": False}, "is for pictures, boxes and scenes"),
        (SERIES, {"crop_scale": 0.5}, "is for pictures, .* give a network of pictures as model"),
        (SERIES, {"trivial_augment": True}, "is for pictures"),
        (SERIES, {"image_size": 32}, "image_size=32 is for pictures"),
        # also with the value of the default, when it was given
        (SERIES, {"flip": True}, "flip=True is for pictures, boxes and scenes"),
        (PICTURES, {"protocol": "disjoint"}, "protocol='disjoint' is for scenes and recordings"),
    ],
)
def test_training_refuses_what_its_data_do_not_have(
    tmp_path: Path, which: dict[str, Any], option: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence) as caught:
        train(tmp_path / "data", **which, **option)
    assert str(caught.value).startswith(f"{next(iter(option))}=")
    with pytest.raises(MartletError) as caught:  # the data are not there
        train(tmp_path / "data", **which)
    assert "is for" not in str(caught.value)


def test_on_the_command_line_and_in_a_recipe_too(
    call: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    asked = ("train", tmp_path / "data", "--model", "shufflenet_series")
    code, _, said = call(*asked)
    assert (code, "is for" in said) == (2, False)
    code, _, said = call(*asked, "--flip")
    assert (code, "error: flip=True is for pictures, boxes and scenes" in said) == (2, True)
    (tmp_path / "r.toml").write_text("flip = true\n")
    assert call(*asked, "--recipe", tmp_path / "r.toml")[::2] == (2, said)


def test_evaluate_and_predict_refuse_it_too(trained: Run, photos: Path) -> None:
    with pytest.raises(MartletError, match=rf"^labels=.* is for scenes, and {trained.folder} take"):
        evaluate(trained.folder, photos, labels=photos, quiet=True)
    for option in ({"array": "cube"}, {"bands_axis": 0}, {"output": photos}, {"smooth": "3s"}):
        (name,) = option
        with pytest.raises(MartletError, match=f"^{name}=.* takes pictures here; leave it out"):
            predict(trained.folder, photos, **option)
    assert predict(trained.folder, photos / "red" / "000.png", quiet=True)


def test_what_was_not_given_is_not_limited() -> None:
    values = {"top": 3, "smooth": None, "array": None}
    assert limited(predict, values) == {}
    assert limited(predict, {**values, "top": 5}) == {"top": (5, ("pictures",))}
