from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from martlet.cli.recipe_option import as_typed
from martlet.workflows.train.options import TrainOptions


@pytest.mark.parametrize(
    ("value", "kind", "words"),
    [
        (["tensorboard", "mlflow"], str | Sequence[str], "tensorboard,mlflow"),
        (["a", "b"], Sequence[str], ["a", "b"]),
        ({"conv5": 64}, Mapping[str, Any] | None, ["conv5=64"]),
        (3, int | str | None, "3"),
        (1e-3, float, "0.001"),
        (False, bool, False),
    ],
)
def test_a_value_as_it_would_stand_on_the_command_line(value: Any, kind: Any, words: Any) -> None:
    assert as_typed(value, kind) == words


def test_several_trackers_in_one_text_are_those_of_a_list() -> None:
    listed, told = (TrainOptions(log=log) for log in (["mlflow", "none"], "mlflow,none"))
    assert listed.words(Path("a")) == told.words(Path("a"))
