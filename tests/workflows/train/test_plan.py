from pathlib import Path
from typing import Any

import pytest

from martlet.errors import MartletError
from martlet.workflows.train import plan as train_plan
from martlet.workflows.train.options import TrainOptions


def test_the_task_is_that_of_the_data_not_of_the_network(tmp_path: Path) -> None:
    model: dict[str, Any] = {"model": "shufflenet_v2_x0_5"}
    for more, task in (({}, "classification"), ({"labels": Path("gt.mat")}, "pixels")):
        assert train_plan.make_plan(tmp_path, TrainOptions(**model, **more)).task.name == task
    with pytest.raises(MartletError, match=r"^window=5 is too small for .*; give 8 or more\.$"):
        train_plan.make_plan(tmp_path, TrainOptions(**model, labels=Path("gt.mat"), window=5))


def test_the_first_side_of_progressive_resizing_is_not_too_small(tmp_path: Path) -> None:
    asked: dict[str, Any] = {"model": "shufflenet_v2_x0_5", "image_size": 96}
    assert train_plan.make_plan(tmp_path, TrainOptions(progressive=0.5, **asked))
    told = r"^progressive=0\.1: the first side=8 is too small for .*; give 32 or more\.$"
    with pytest.raises(MartletError, match=told):
        train_plan.make_plan(tmp_path, TrainOptions(progressive=0.1, **asked))
