"""Files of experiments: all that are shipped, and whatever may be wrong in one."""

from pathlib import Path

import pytest
import torch

from martlet import create_model, spec
from martlet.errors import MartletError
from martlet.models import ImageInput
from martlet.workflows.reproduce import reading
from martlet.workflows.reproduce.experiment import SIZES, Experiment
from martlet.workflows.reproduce.training_file import settings

GOOD = """\
title = "A title"
source = "A paper, Table 1"
asks = "Is it so?"
unit = "top-1 error, %"
setting = "cifar10"
rows = [
    { name = "plain", model = "shufflenet_v1_g3_x0_25", paper = 55.0 },
    { name = "without", model = "shufflenet_v1_g3_x0_25", options = { shuffle = false } },
]
claims = [
    { says = "It is so", better = "plain", worse = "without" },
]

[small]
seeds = 5
options = { epochs = 3 }
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "one_of_mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize("name", reading.names())
def test_a_shipped_experiment_is_sound(name: str) -> None:
    experiment = reading.find(name)
    assert experiment.name == name
    assert set(experiment.sizes) == set(SIZES)
    if not isinstance(experiment, Experiment):
        for row in experiment.rows:
            if row.model is not None:
                with torch.device("meta"):
                    create_model(row.model, **row.options)
        return
    for size in SIZES:
        rows = {row.name for row in experiment.rows_at(size)}
        assert len(rows) > 1 or not experiment.runs_at(size)
        if size == "small" and experiment.runs_at(size):  # what a claim speaks of can be run
            spoken_of = [set(claim.weights) <= rows for claim in experiment.claims]
            assert any(spoken_of) or not spoken_of
    for row in experiment.rows:
        if row.model is None:
            continue
        picture = isinstance(spec(row.model).input, ImageInput)
        options = {"small_input": True} if picture else {}
        with torch.device("meta"):
            create_model(row.model, **options, **row.options)


def test_a_file_says_rows_claims_and_what_differs_from_its_setting(tmp_path: Path) -> None:
    experiment = reading.find(str(written(tmp_path, GOOD)))
    assert isinstance(experiment, Experiment)
    assert experiment.name == "one-of-mine"
    assert [row.name for row in experiment.rows] == ["plain", "without"]
    assert experiment.rows[1].options == {"shuffle": False}
    (claim,) = experiment.claims
    assert claim.weights == {"without": 1.0, "plain": -1.0}
    small, shared = experiment.sizes["small"], settings()["cifar10"]["small"]
    assert small.seeds == 5
    assert small.train == shared["train"]
    assert small.options == {**shared["options"], "epochs": 3}
    assert experiment.sizes["tiny"].seeds == 1


def test_an_interaction_is_one_difference_less_the_other(tmp_path: Path) -> None:
    claim = (
        '{ says = "More", better = ["plain", "without"], worse = ["without", "plain"], '
        "interaction = true }"
    )
    text = GOOD.replace('{ says = "It is so", better = "plain", worse = "without" }', claim)
    (found,) = reading.read(written(tmp_path, text)).claims
    assert found.weights == {"without": 2.0, "plain": -2.0}


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('title = "A title"', "", r"title is missing or no text; give title = "),
        ("asks =", "ask =", r"line 3: key 'ask' is not known; did you mean asks\?"),
        ('"cifar10"', '"cifar"', r"line 5: setting 'cifar' is not known; did you mean cifar10"),
        ("g3_x0_25", "g3_x0_26x", r"line 7: .*shufflenet_v1_g3_x0_26x"),
        ("shuffle = false", "shufle = false", r"line 8: .*shufle.*shuffle"),
        ("paper = 55.0", 'paper = "55"', r"line 7: paper='55' is not accepted"),
        ('worse = "without"', 'worse = "withot"', r"line 11: row 'withot' is not known; did you"),
        (
            'better = "plain"',
            "better = []",
            r"line 11: a claim has says, and better and worse with",
        ),
        ("epochs = 3", "epochs = 0", r"epochs=0"),
        ("epochs = 3", "epoch = 3", r"line 16: option of train 'epoch' is not known; did you mean"),
        ("seeds = 5", 'seeds = "five"', r"line 15: seeds='five' is not accepted"),
        ('name = "without"', 'name = "plain"', r"line 7: two rows are called 'plain'; rename one"),
        ("rows = [", "rows = 3\nothers = [", r"key 'others' is not known"),
        (
            "epochs = 3",
            "seed = 3",
            r"line 16: seed is decided by the experiment, or hangs on the m",
        ),
        ("epochs = 3", 'time = "9m"', r"line 16: time is decided by the experiment, or hangs on"),
        ("seeds = 5", "seeds = 0", r"line 15: seeds=0 is not accepted; give 1 or more"),
        ("seeds = 5", "train = -4", r"line 15: train=-4 is not accepted; give 1 or more"),
        ("paper = 55.0", "paper = nan", r"line 7: paper=nan is no percentage; give 0 to 100"),
        ("paper = 55.0", 'macs = "about 4"', r"line 7: macs='about 4' is not accepted; give them"),
        ("shuffle = false", "stem = 1000", r"line 8: stem=1000 does not fit"),
        ('worse = "without"', 'worse = "plain"', r"line 11: a row is both better and worse; name"),
        ("[small]\nseeds = 5\noptions", "small = 3\noptions", r"key 'options' is not known"),
        ("[small]", "[small", r"is no valid TOML \(.*line 14"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    path = written(tmp_path, GOOD.replace(old, new, 1))
    with pytest.raises(MartletError, match=told) as raised:
        reading.read(path)
    assert str(path) in str(raised.value)


def test_a_size_is_a_table(tmp_path: Path) -> None:
    text = GOOD.split("[small]")[0].replace("rows = [", "small = 3\nrows = [")
    with pytest.raises(
        MartletError, match=r"line 6: small is a table; give \[small\] and its keys"
    ):
        reading.read(written(tmp_path, text))


def test_a_file_of_ones_own_does_not_take_the_place_of_the_packages(tmp_path: Path) -> None:
    path = tmp_path / "shufflenet_v1_table_3.toml"
    path.write_text(GOOD, encoding="utf-8")
    with pytest.raises(
        MartletError, match=r"is called as an experiment of the package, whose resu"
    ):
        reading.find(str(path))
    assert reading.find("shufflenet_v1_table_3").name == "shufflenet-v1-table-3"


def test_another_network_may_stand_for_a_row_at_size_paper(tmp_path: Path) -> None:
    text = GOOD.replace("paper = 55.0", 'at_paper = "shufflenet_v1_g3_x1_0", paper = 55.0')
    experiment = reading.read(written(tmp_path, text))
    assert isinstance(experiment, Experiment)
    models = {size: experiment.runs_at(size)[0].model for size in SIZES}
    assert models == {
        "tiny": "shufflenet_v1_g3_x0_25", "small": "shufflenet_v1_g3_x0_25",
        "paper": "shufflenet_v1_g3_x1_0",
    }  # fmt: skip


def test_an_unknown_experiment_is_told_the_closest_name() -> None:
    with pytest.raises(MartletError, match=r"did you mean shufflenet-v1-table-3"):
        reading.find("shufflenet-v1-tabel-3")
    with pytest.raises(MartletError, match=r"gone\.toml cannot be read"):
        reading.find("gone.toml")
