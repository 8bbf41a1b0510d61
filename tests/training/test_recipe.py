import inspect
from dataclasses import replace

import pytest

from martlet.api.train import train
from martlet.errors import MartletError
from martlet.training.recipe import Recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", -1),
        ("batch_size", 1),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("optimizer", "adam"),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("crop_scale", 0.0),
        ("crop_scale", 1.5),
        ("erase", 2.0),
        ("ema", 1.0),
        ("seed", -1),
        ("precision", "float16"),
    ],
)
def test_a_bad_value_is_named_with_what_is_accepted(
    recipe: Recipe, field: str, value: object
) -> None:
    with pytest.raises(MartletError, match=rf"^{field}=.* is not accepted; give .*\.$"):
        replace(recipe, **{field: value})


def test_round_trip_keeps_every_bit(recipe: Recipe) -> None:
    odd = replace(recipe, lr=0.1 + 0.2)
    assert Recipe.from_dict(odd.to_dict()) == odd


def test_unknown_and_missing_fields_are_named(recipe: Recipe) -> None:
    values = recipe.to_dict()
    with pytest.raises(MartletError, match="speed"):
        Recipe.from_dict({**values, "speed": 1})
    with pytest.raises(MartletError, match="epochs"):
        Recipe.from_dict({name: v for name, v in values.items() if name != "epochs"})


def test_differences_name_the_fields(recipe: Recipe) -> None:
    other = replace(recipe, epochs=5)
    assert recipe.differences(other) == ["epochs: 3 / 5"]
    assert other.differences(other) == []


def test_every_field_is_an_option_of_train(recipe: Recipe) -> None:
    assert recipe.to_dict().keys() - {"compiled"} <= inspect.signature(train).parameters.keys()
