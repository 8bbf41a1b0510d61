"""`--time`: the epochs that fit are found by real steps, said, and written into the recipe."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from martlet.api.train import train
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.pace import Pace
from martlet.training.ranges import seconds_of
from martlet.workflows.run_folder import Run
from martlet.workflows.train import time_budget as train_time
from martlet.workflows.train.options import TrainOptions

Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def quick(photos: Path, tmp_path: Path) -> Callable[..., Run]:
    """A run whose epochs are not given."""

    def run(**options: Any) -> Run:
        small = {"model": "shufflenet_v2_x0_5", "image_size": 16, "batch_size": 8, "workers": 0}
        given = {"folder": tmp_path, "name": "run", "quiet": True, **small, **options}
        return train(photos, **given)

    return run


def stand_in(monkeypatch: pytest.MonkeyPatch, end: float) -> None:
    """A measured pace, with so many seconds of an epoch."""
    found = Pace(step=0.0, steps=60, doubt=0.1, begin=1.0, end=end, scored=0.0)
    monkeypatch.setattr(train_time, "pace_of", lambda *_: found)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("10m", 600), ("2h", 7200), ("1h30m", 5400), ("1.5h", 5400), (" 2m5s", 125)],
)
def test_times(text: str, seconds: float) -> None:
    assert seconds_of(text) == seconds
    assert TrainOptions(time=text).time == text


@pytest.mark.parametrize("text", ["", "10", "0m", "-3m", "m", "10 minutes", "1d", "10m later"])
def test_what_is_no_time(text: str) -> None:
    assert seconds_of(text) == 0
    with pytest.raises(MartletError, match=r"is not accepted; give a time as 90s, 10m or 1h30m"):
        TrainOptions(time=text)


def test_as_many_as_fit_are_trained_and_the_command_says_how_many(
    quick: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    stand_in(monkeypatch, end=250.0)
    run = quick(time="15m", quiet=False)  # 855 s, 6 of them at the end and the beginning
    assert "time 15m: 3 epochs of 4 min, with" in capsys.readouterr().err
    header = checkpoint.load_header(run.checkpoint)
    assert header.recipe.epochs == 3
    assert "--epochs 3" in run.metrics["command"]
    assert "--time" not in run.metrics["command"]


@pytest.mark.slow
def test_a_run_that_goes_on_has_the_epochs_that_it_began_with(
    quick: Callable[..., Run],
    same_weights: Callable[[Path, Path], bool],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    stand_in(monkeypatch, end=250.0)
    whole = quick(time="15m", name="whole")

    def stop(*_: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("martlet.training.journal.Journal.note", stop)
        with pytest.raises(KeyboardInterrupt):
            quick(time="15m")
    stand_in(monkeypatch, end=50.0)  # the machine is free now
    run = quick(time="15m", resume=True, quiet=False)
    assert "time 15m: 3 epochs, as the run was begun with." in capsys.readouterr().err
    assert same_weights(whole.folder, run.folder)


def test_shorter_than_one_epoch(
    quick: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    stand_in(monkeypatch, end=250.0)
    with pytest.raises(MartletError) as caught:
        quick(time="2m")
    assert str(caught.value).startswith("time='2m' is shorter than one epoch, which takes 4 min he")
    assert "give 27" in str(caught.value)  # 256 s and a twentieth
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 30}, "time='1h' and epochs=30 both say how long to train; give one"),
        ({"cross_validate": "3"}, "time='1h' is for one run"),
        ({"seeds": 2}, "give epochs"),
        ({"protocol": "both"}, "give epochs"),
    ],
)
def test_what_it_does_not_go_with(options: dict[str, Any], sentence: str, tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=sentence):
        train(tmp_path, time="1h", **options)


def test_as_a_flag_it_wins_over_the_epochs_of_a_recipe(call: Call, tmp_path: Path) -> None:
    (tmp_path / "r.toml").write_text("epochs = 7\n")
    asked = ("train", tmp_path / "nowhere", "--recipe", tmp_path / "r.toml", "--time", "1h")
    assert "nowhere' does not exist" in call(*asked)[2]
    assert "time='1h' and epochs=9 both" in call(*asked, "--epochs", "9")[2]
    (tmp_path / "r.toml").write_text("epochs = 7\ntime = '1h'\n")
    assert "time='1h' and epochs=7 both" in call(*asked[:-2])[2]


def test_steps_are_measured(quick: Callable[..., Run]) -> None:
    with pytest.raises(MartletError, match=r"which takes .* here, with .* before the first and .*"):
        quick(time="5s")  # as long as the report may take
