"""Pictures as a kind of data: what is usual in training them."""

import pytest

from martlet.data.pictures.kind import PICTURES
from martlet.data.pictures.preprocess import Preprocess
from martlet.training.recipe import Recipe


@pytest.mark.parametrize(
    ("size", "asked", "pad_crop", "crop_scale"),
    [
        (32, {}, 4, 0.35),
        (24, {}, 3, 0.35),
        (33, {}, 0, 0.35),
        (224, {}, 0, 0.35),
        (32, {"crop_scale": 0.35}, 0, 0.35),
        (32, {"pad_crop": 0}, 0, 0.35),
        (32, {"pad_crop": 2}, 2, 0.35),
        (64, {"pad_crop": 8}, 8, 0.35),
        (64, {"crop_scale": 0.7}, 0, 0.7),
    ],
)
def test_small_pictures_are_shifted_unless_resized_crops_are_asked_for(
    size: int, asked: dict[str, float], pad_crop: int, crop_scale: float
) -> None:
    recipe = Recipe(**asked)
    usual = PICTURES.usual(Preprocess(size=size), recipe)
    found = recipe.filled(0.0, 10, usual=usual)
    assert (found.pad_crop, found.crop_scale) == (pad_crop, crop_scale)
    assert found.optimizer == "muon"
    before = {name: value for name, value in found.to_dict().items() if name != "pad_crop"}
    assert Recipe.from_dict(before).pad_crop == 0
