"""What networks of an experiment look at: weights that are kept for it, and the sheet."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import martlet
from martlet.errors import MartletError
from martlet.workflows.reproduce.experiment import Experiment
from martlet.workflows.reproduce.looked_at import NAME, draw_looked_at, is_looked_at
from martlet.workflows.reproduce.outcome import Outcome
from martlet.workflows.reproduce.part import choose_part
from martlet.workflows.reproduce.reading import find
from martlet.workflows.reproduce.tasks import tasks_of

FILE = """\
title = "A title"
source = "A paper, Table 1"
asks = "Is it so?"
unit = "top-1 error, %"
setting = "cifar10"
looked_at = ["plain", "SE"]
rows = [
    { name = "plain", model = "resnet20" },
    { name = "wide", model = "resnet20", train = { label_smoothing = 0.0 } },
    { name = "SE", model = "resnet20", options = { attention = "se" } },
]

[tiny]
train = 4
test = 2
seeds = 2
options = { small_input = false }
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_rows_that_are_looked_at_are_rows(file: Path) -> None:
    file.write_text(FILE.replace('["plain", "SE"]', '["plain", "SEE"]'), encoding="utf-8")
    sentence = r"mine\.toml, line 6: row 'SEE' is not known; accepted: plain, wide, SE"
    with pytest.raises(MartletError, match=sentence):
        find(str(file))
    file.write_text(FILE.replace('["plain", "SE"]', "3"), encoding="utf-8")
    with pytest.raises(MartletError, match=r"mine\.toml, line 6: looked_at=3 is not accepted"):
        find(str(file))


def test_one_run_of_each_is_kept_and_without_weights_nothing_is_drawn(
    file: Path, photos: Path, tmp_path: Path
) -> None:
    experiment = find(str(file))
    assert isinstance(experiment, Experiment)
    part = choose_part(photos, experiment.sizes["tiny"], tmp_path / "work")
    tasks = tasks_of(experiment, experiment.sizes["tiny"], part)
    kept = [task.label for task in tasks if is_looked_at(experiment, task)]
    assert kept == ["plain, seed 0", "SE, seed 0"]
    assert not draw_looked_at(experiment, tasks, tmp_path, tmp_path / "place")


@pytest.mark.slow
def test_the_sheet_has_a_column_for_each_network(file: Path, photos: Path, tmp_path: Path) -> None:
    one_seed = "".join(line for line in FILE.splitlines(True) if '"wide"' not in line)
    file.write_text(one_seed.replace("seeds = 2", "seeds = 1"), encoding="utf-8")
    result = martlet.reproduce(
        str(file), data=photos, size="tiny", folder=tmp_path / "out", jobs=2, quiet=True
    )
    assert isinstance(result, Outcome)
    assert len(list((tmp_path / "out" / "models").iterdir())) == 2
    with Image.open(result.folder / NAME) as image:
        told = image.info["Description"]
        pixels = np.asarray(image.convert("RGB"))
    assert told.startswith("plain, SE: from left to right. 6 pictures")  # three classes
    assert pixels.shape[0] > 3 * 138 > pixels.shape[1] > 2 * 138
    page = (result.folder / "page.html").read_text(encoding="utf-8")
    assert "What speaks for the answers" in page
    assert page.count("data:image/png") == 2
    (tmp_path / "out" / "models").rename(tmp_path / "elsewhere")  # as on another machine
    again = martlet.reproduce(
        str(file), data=photos, size="tiny", folder=tmp_path / "out", quiet=True
    )
    assert isinstance(again, Outcome)
    assert (again.folder / "page.html").read_text(encoding="utf-8") == page
