"""Runs that are killed anywhere and gone on with end with the weights of one that was not."""

import random
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.covering import covering, pairs
from tests.killed import train_killed

from martlet.api.train import train
from martlet.errors import MartletError
from martlet.storage.locks import TEMPORARY
from martlet.training.picture_fields import check_pictures
from martlet.training.recipe import Recipe
from martlet.training.transfer_fields import check_transfer
from martlet.workflows.run_folder import Run, read_json

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
Same = Callable[[Path, Path], bool]

QUICK: dict[str, Any] = {
    "model": "shufflenet_v2_x0_5",
    "image_size": 16,
    "batch_size": 8,
    "workers": 0,
    "quiet": True,
}
# Values of each option of a recipe that pictures have; the first is that of most rows.
VALUES: dict[str, tuple[Any, ...]] = {
    "epochs": (2,),
    "batch_size": (8, 5),
    "accumulate": (1, 2),
    "clip_grad": (0.0, 1.0),
    "early_stop": (0, 1),
    "lr": (0.01, None),
    "optimizer": ("sgd", "rmsprop", "adamw", "muon"),
    "momentum": (0.9, 0.0),
    "nesterov": (True, False),
    "rmsprop_decay": (0.9, 0.99),
    "rmsprop_epsilon": (1e-3, 1.0),
    "muon_lr": (None, 0.01),
    "weight_decay": (5e-4, 0.0),
    "decay_depthwise": (True, False),
    "schedule": ("cosine", "linear", "step", "constant"),
    "step_epochs": (10.0, 0.5),
    "step_factor": (0.1, 0.9),
    "final_lr": (0.0, 0.1),
    "warmup_epochs": (0.5, 0.0),
    "balance": ("none", "weights", "sampling"),
    "label_smoothing": (0.1, 0.0),
    "drop_rate": (None, 0.2),
    "ema": (0.0, 0.9),
    "sync_batch_norm": (False, True),
    "crop_scale": (0.35, 1.0),
    "pad_crop": (0, 2),
    "pad_mode": ("reflect", "zero"),
    "flip": (True, False),
    "flip_alternating": (False, True),
    "color_jitter": (0.0, 0.4),
    "trivial_augment": (False, True),
    "rand_augment": (0, 9),
    "rand_augment_ops": (2, 1),
    "erase": (0.0, 0.5),
    "repeated_augmentation": (1, 2),
    "augment_on": ("cpu", "device"),
    "progressive": (1.0, 0.5),
    "mixup": (0.0, 0.2),
    "cutmix": (0.0, 1.0),
    "freeze": ("none", "stem", "backbone"),
    "lr_decay": (1.0, 0.5),
    "norm": ("train", "frozen", "recalibrated"),
    "head_epochs": (0, 1),
    "few": (False, True),
    "seed": (0, 7),
    "precision": ("float32", "bfloat16"),
}
# Of other data, of runs with a teacher, and what takes a compiler and a minute.
LEFT_OUT = {"compile", "tiles", "distill_weight", "distill_temperature"}


def allowed(row: dict[str, Any]) -> bool:
    """Whether the options go together, as a recipe itself says it."""
    try:
        values = SimpleNamespace(**row, compile="off")
        check_pictures(values)
        check_transfer(values)
    except MartletError:
        return False
    return True


ROWS = covering(VALUES, allowed)


def same_run(photos: Path, folder: Path, options: dict[str, Any], kills: int, most: int) -> int:
    """Train once in peace and once killed; the number of kills."""
    given = {**QUICK, **options}
    train(photos, folder=folder / "whole", name="run", **given)
    return train_killed(photos, folder / "killed", given, kills, random.Random(kills), most)


def test_each_option_of_a_recipe_is_among_them() -> None:
    ours = {
        one.name for one in fields(Recipe) if "pictures" in (one.metadata["only"] or ["pictures"])
    }
    assert ours - LEFT_OUT == VALUES.keys()
    for row in ROWS:
        Recipe(**row)
    found = {pair for row in ROWS for pair in pairs(row)}
    wanted = {pair for one in VALUES for value in VALUES[one] for pair in _with(one, value)}
    assert wanted - found == set()


def _with(one: str, value: Any) -> list[Any]:
    """Pairs of a value with those of all other options that go with it."""
    usual = {name: values[0] for name, values in VALUES.items()}
    return [
        frozenset({(one, value), (other, its)})
        for other in VALUES
        if other != one
        for its in VALUES[other]
        if allowed({**usual, one: value, other: its})
    ]


@pytest.mark.slow
@pytest.mark.parametrize("row", ROWS[:1])
def test_some_of_all_options(
    row: dict[str, Any], photos: Path, trained: Run, tmp_path: Path, same_weights: Same
) -> None:
    learnt = {**row, "weights": trained.folder}  # what is kept of them is an option
    assert same_run(photos, tmp_path, learnt, kills=3, most=40) > 0
    assert same_weights(tmp_path / "whole" / "run", tmp_path / "killed" / "run")


@pytest.mark.long
@pytest.mark.parametrize("row", ROWS[1:])
def test_all_pairs_of_options(
    row: dict[str, Any], photos: Path, trained: Run, tmp_path: Path, same_weights: Same
) -> None:
    learnt = {**row, "weights": trained.folder}  # what is kept of them is an option
    if row["norm"] == "frozen":  # nothing holds activations then, of weights that know so little
        learnt |= {"lr": 1e-4, "muon_lr": 1e-4}
    assert same_run(photos, tmp_path, learnt, kills=4, most=40) > 0
    assert same_weights(tmp_path / "whole" / "run", tmp_path / "killed" / "run")


# What a run is asked beside its recipe; RUN stands for one that has learnt.
BESIDE: dict[str, dict[str, Any]] = {
    "a teacher": {"teacher": "RUN", "distill_weight": 0.9, "distill_temperature": 2.0},
    "labels in doubt": {"weights": "RUN", "check_labels": 3},
    "groups": {"group_by": "near-duplicates"},
    "several views": {"tta": "crops", "reject": 0.1},
    "rates by depth": {"weights": "RUN", "lr_decay": 0.5, "head_epochs": 1},
}


@pytest.mark.long
@pytest.mark.parametrize("options", BESIDE.values(), ids=BESIDE)
def test_what_stands_beside_a_recipe(
    options: dict[str, Any], photos: Path, trained: Run, tmp_path: Path, same_weights: Same
) -> None:
    given = {name: trained.folder if value == "RUN" else value for name, value in options.items()}
    assert same_run(photos, tmp_path, {"epochs": 2, **given}, kills=6, most=60) > 0
    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    assert same_weights(whole, killed)
    assert read_json(whole / "split.json") == read_json(killed / "split.json")
    found = [run / "suspects.csv" for run in (whole, killed)]
    assert [path.exists() for path in found] == [options.get("check_labels", 0) > 0] * 2
    assert len({path.read_bytes() for path in found if path.exists()}) < 2


@pytest.mark.long
def test_twenty_kills_of_one_run(photos: Path, tmp_path: Path, same_weights: Same) -> None:
    """While the cache is built, checkpoints written, the report drawn; nothing half is left."""
    options = {"epochs": 8, "ema": 0.9, "workers": 1}
    assert same_run(photos, tmp_path, options, kills=20, most=50) == 20
    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    assert same_weights(whole, killed)
    assert read_json(whole / "split.json") == read_json(killed / "split.json")
    names = [
        {path.name for path in run.iterdir() if "tfevents" not in path.name}
        for run in (whole, killed)
    ]
    assert names[0] == {name for name in names[1] if not TEMPORARY.fullmatch(name)}
    rows = [_without_seconds(run / "metrics.csv") for run in (whole, killed)]
    assert rows[0] == rows[1]


def _without_seconds(path: Path) -> list[list[str]]:
    lines = [line.split(",") for line in path.read_text().splitlines()]
    at = lines[0].index("seconds")
    return [[cell for number, cell in enumerate(line) if number != at] for line in lines]
