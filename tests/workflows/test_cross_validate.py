"""How a fold's run is started: on from where it was, or anew when its weights are gone."""

from pathlib import Path

import pytest
import torch

from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.cross_validate import check_same, command_of, finished
from martlet.workflows.train_options import TrainOptions
from martlet.workflows.train_plan import make_plan


def test_a_fold_that_lost_its_weights_is_trained_again(tmp_path: Path) -> None:
    options = TrainOptions(
        model="shufflenet_series", cross_validate="2", resume=True, folder=tmp_path, name="cv"
    )
    plan = make_plan(tmp_path / "recordings", options)
    network = Network("shufflenet_series", 2, 3, False)
    header = Header(network, ("a", "b"), SeriesPreprocess(), options.filled(0.0, 9))

    def how(fold: int) -> list[str]:
        return [word for word in command_of(plan, fold) if word in ("--resume", "--overwrite")]

    def write(fold: int, name: str, content: Header) -> None:
        folder = plan.folder / f"fold-{fold}"
        folder.mkdir(parents=True, exist_ok=True)
        checkpoint.save(folder / name, {"x": torch.zeros(1)}, content)

    write(1, "resume.safetensors", header.with_state({"history": [{"epoch": 1}]}))
    assert how(1) == ["--overwrite"]
    write(1, "model.safetensors", header)
    assert how(1) == ["--resume"]
    write(2, "resume.safetensors", header.with_state({"history": []}))  # killed in its first epoch
    assert how(2) == ["--resume"]
    assert how(3) == ["--resume"]


def test_a_fold_that_was_stopped_between_epochs_is_not_finished(tmp_path: Path) -> None:
    """Its best weights so far carry the figures of their epoch."""
    network, path = Network("shufflenet_series", 2, 3, False), tmp_path / "model.safetensors"
    header = Header(network, ("a", "b"), SeriesPreprocess(), Recipe())
    assert not finished(tmp_path)
    for metrics, whole in (({"epoch": 1, "val_top1": 0.5}, False), ({"part": "test"}, True)):
        checkpoint.save(path, {"x": torch.zeros(1)}, header.with_metrics(metrics))
        assert finished(tmp_path) is whole


def test_finished_folds_of_another_recipe_are_not_summed_up(tmp_path: Path) -> None:
    network, options = Network("shufflenet_series", 2, 3, False), TrainOptions(epochs=4)
    header = Header(network, ("a", "b"), SeriesPreprocess(), options.filled(0.1, 9))
    checkpoint.save(tmp_path / "model.safetensors", {"x": torch.zeros(1)}, header)
    check_same(tmp_path, options)  # what was left open is filled in
    with pytest.raises(MartletError, match=r"other arguments \(then / now\): epochs: 4 / 5; lr: "):
        check_same(tmp_path, TrainOptions(epochs=5, lr=0.5))
