from dataclasses import replace
from typing import Any

import pytest

from martlet.errors import MartletError
from martlet.training.recipe import WITHOUT, Recipe


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("epochs", -1),
        ("batch_size", 1),
        ("lr", 0.0),
        ("lr", float("nan")),
        ("lr", float("inf")),
        ("momentum", 1.0),
        ("weight_decay", -1e-4),
        ("accumulate", 0),
        ("clip_grad", -1.0),
        ("early_stop", -1),
        ("rmsprop_epsilon", 0.0),
        ("muon_lr", 0.0),
        ("step_epochs", 0.0),
        ("step_factor", 1.5),
        ("final_lr", 1.5),
        ("crop_scale", 0.0),
        ("crop_scale", 1.5),
        ("erase", 2.0),
        ("pad_crop", -1),
        ("rand_augment", 31),
        ("repeated_augmentation", 0),
        ("mixup", -0.1),
        ("cutmix", float("nan")),
        ("distill_weight", 0.0),
        ("distill_temperature", 0.0),
        ("progressive", 0.0),
        ("ema", 1.0),
        ("seed", -1),
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


def test_a_checkpoint_without_a_newer_field_is_read_with_its_default(recipe: Recipe) -> None:
    values = recipe.to_dict()
    del values["precision"]
    assert Recipe.from_dict(values) == recipe
    with pytest.raises(MartletError, match=r"has speed, unknown to this version: .* newer martlet"):
        Recipe.from_dict({**values, "speed": 1})


@pytest.mark.parametrize(
    ("optimizer", "lr", "muon_lr"),
    [
        ("sgd", 0.1, None),
        ("rmsprop", 0.004, None),
        ("adamw", 0.002, None),
        ("muon", 0.1, 0.05),
    ],
)
def test_what_is_left_open_is_filled_in(optimizer: Any, lr: float, muon_lr: float | None) -> None:
    asked = Recipe(optimizer=optimizer, batch_size=64)
    assert (asked.lr, asked.muon_lr, asked.drop_rate) == (None, None, None)
    others = {name: value for name, value in WITHOUT.items() if name != "optimizer"}
    expected = replace(asked, lr=lr, muon_lr=muon_lr, drop_rate=0.2, **others)
    assert asked.filled(0.2, pictures=64) == expected
    assert replace(asked, lr=0.5, drop_rate=0.0).filled(0.2, pictures=64).lr == 0.5


def test_what_is_usual_for_the_data_gives_way_to_what_is_asked() -> None:
    filled = Recipe(jitter=0.5).filled(0.0, 10, usual={"jitter": 0.2, "scaling": 0.3})
    assert (filled.jitter, filled.scaling, filled.time_warp) == (0.5, 0.3, 0.0)
    usual = {"optimizer": "muon"}
    assert Recipe().filled(0.0, 10).optimizer == "sgd"
    assert Recipe().filled(0.0, 10, usual=usual).muon_lr == 0.05
    assert Recipe(optimizer="adamw").filled(0.0, 10, usual=usual).lr == 0.002


def test_a_given_rate_moves_that_of_muons_matrices_along() -> None:
    asked = Recipe(optimizer="muon", batch_size=64, lr=0.05)
    assert asked.filled(0.0, 64).muon_lr == pytest.approx(0.025)
    assert asked.filled(0.0, 64, published=True).muon_lr == pytest.approx(0.025)
    assert replace(asked, muon_lr=0.3).filled(0.0, 64).muon_lr == 0.3
    assert replace(asked, lr=None).filled(0.0, 64, published=True).muon_lr == pytest.approx(0.005)


def test_a_checkpoint_from_before_an_option_was_trained_without_it() -> None:
    values = Recipe(lr=0.1, drop_rate=0.0).to_dict()
    before = {name: value for name, value in values.items() if name not in WITHOUT}
    assert Recipe.from_dict(before).filled(0.0, 10, usual={"jitter": 0.2}).jitter == 0.0


def test_the_learning_rate_fits_the_batch_that_there_is() -> None:
    cases = ((1000, 14, 1, 14), (100_000, 70, 2, 70), (32, 1000, 1, 32), (32, 1000, 4, 128))
    for asked, pictures, accumulate, step in cases:
        found = Recipe(batch_size=asked, accumulate=accumulate).filled(0.0, pictures)
        assert found.lr == pytest.approx(0.1 * step / 64)
        again = replace(found, lr=None).filled(0.0, pictures, published=True)
        assert again.lr == pytest.approx(found.lr / 10)


def test_differences_name_the_fields(recipe: Recipe) -> None:
    other = replace(recipe, epochs=5)
    assert recipe.differences(other) == ["epochs: 3 / 5"]
    assert other.differences(other) == []


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"rand_augment": 9, "trivial_augment": True},
            r"^rand_augment=9 and trivial_augment=True exclude each other; give one of them\.$",
        ),
        (
            {"flip": False, "flip_alternating": True},
            r"^flip_alternating=True and flip=False contradict each other; leave one .*\.$",
        ),
        (
            {"progressive": 0.5, "compile": "on"},
            r"^progressive=0\.5 and compile='on' exclude each other: inputs change their size, ",
        ),
        (
            {"repeated_augmentation": 9, "batch_size": 8},
            r"^repeated_augmentation=9 is more copies than a batch of batch_size=8 has room for; ",
        ),
    ],
)
def test_options_that_exclude_each_other_are_refused(
    recipe: Recipe, options: dict[str, Any], told: str
) -> None:
    with pytest.raises(MartletError, match=told):
        replace(recipe, **options)
