"""`martlet reproduce`: an experiment from its file to table, picture and page."""

import csv
import json
from pathlib import Path

import pytest

import martlet
from martlet.errors import MartletError
from martlet.workflows.reproduce import train_run
from martlet.workflows.reproduce.experiment import Experiment
from martlet.workflows.reproduce.part import choose_part
from martlet.workflows.reproduce.reading import find
from martlet.workflows.reproduce.record import Record
from martlet.workflows.reproduce.tasks import plain_options, tasks_of
from martlet.workflows.reproduce.training_file import settings

FILE = """\
title = "A title"
source = "A paper, Table 1"
asks = "Is it so?"
unit = "top-1 error, %"
setting = "cifar10"
rows = [
    { name = "g3", model = "shufflenet_v1_g3_x0_25", paper = 55.0, macs = "13M" },
    { name = "none", model = "shufflenet_v1_g3_x0_25", options = { shuffle = false }, paper = 56 },
    { name = "other", paper = 58.6, macs = "42M" },
]
claims = [{ says = "The shuffle helps", better = "g3", worse = "none" }]

[tiny]
train = 4
test = 2
seeds = 2
"""


def read(path: Path) -> Experiment:
    found = find(str(path))
    assert isinstance(found, Experiment)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(FILE, encoding="utf-8")
    return path


def test_all_experiments_are_listed() -> None:
    listed = martlet.reproduce()
    assert isinstance(listed, list)
    names = [one.name for one in listed]
    assert "shufflenet-v1-table-3" in names
    assert names == sorted(names)
    assert all(one.asks.endswith("?") and set(one.minutes) == {"tiny", "small", "paper"}
               for one in listed)  # fmt: skip


def test_what_is_missing_is_told() -> None:
    with pytest.raises(MartletError, match=r"^shufflenet-v1-table-3 needs data; give --data"):
        martlet.reproduce("shufflenet-v1-table-3", quiet=True)
    with pytest.raises(MartletError, match=r"^size='small' has no rows in shufflenet-v2-table-6,"):
        martlet.reproduce("shufflenet-v2-table-6", data=Path("x"), quiet=True)
    with pytest.raises(MartletError, match=r"^jobs=0 is not accepted"):
        martlet.reproduce("shufflenet-v1-table-3", data=Path("x"), jobs=0)
    with pytest.raises(MartletError, match=r"^size 'huge' is not known; accepted"):
        martlet.reproduce("shufflenet-v1-table-3", data=Path("x"), size="huge")  # type: ignore[arg-type]


def test_one_run_has_one_key_whatever_experiment_it_is_of(file: Path, photos: Path) -> None:
    other = file.with_name("other.toml")
    other.write_text(FILE.replace('"g3"', '"three"').replace("A title", "Another"), "utf-8")
    part = choose_part(photos, read(file).sizes["tiny"], file.parent / "work")
    keys = [
        [task.key for task in tasks_of(read(path), read(path).sizes["tiny"], part)]
        for path in (file, other)
    ]
    assert keys[0] == keys[1]
    assert len(set(keys[0])) == 4


def test_a_network_has_one_key_however_its_attention_is_spelled() -> None:
    spelled = ["se", {"kind": "se"}, {"kind": "se", "reduction": 16}]
    assert [plain_options({"attention": one}) for one in spelled] == [
        {"attention": {"kind": "se"}}
    ] * 3
    assert plain_options({"attention": {"kind": "se", "reduction": 8}, "stem": 3}) == {
        "attention": {"kind": "se", "reduction": 8}, "stem": 3,
    }  # fmt: skip


def test_the_runs_of_size_small_hang_on_no_default() -> None:
    """What decides weights is said in the file, so that old rows stay true."""
    named = set(settings()["cifar10"]["small"]["options"])
    assert {
        *("optimizer", "lr", "muon_lr", "momentum", "nesterov", "batch_size", "weight_decay"),
        *("schedule", "final_lr", "warmup_epochs", "label_smoothing", "pad_crop", "crop_scale"),
        *("flip", "epochs", "image_size", "small_input", "precision", "mixup", "cutmix", "ema"),
    } <= named


def test_options_of_a_run_are_those_of_size_and_row(file: Path, photos: Path) -> None:
    experiment = read(file)
    part = choose_part(photos, experiment.sizes["tiny"], file.parent / "work")
    tasks = tasks_of(experiment, experiment.sizes["tiny"], part)
    options = train_run.options_of(tasks[1], file.parent / "here")
    assert options.model == "shufflenet_v1_g3_x0_25"
    assert options.model_options == {"shuffle": False}
    assert (options.epochs, options.image_size, options.seed, options.val) == (1, 32, 0, 0.0)
    assert options.root == photos.resolve()
    assert tasks[2].seed == 1


@pytest.mark.slow
def test_table_picture_and_page_come_of_it_and_again_at_once(
    file: Path, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "out"
    result = martlet.reproduce(
        str(file), data=photos, size="tiny", folder=folder, jobs=2, quiet=True
    )
    rows = Record(folder).rows()
    assert len(rows) == 4
    assert {json.loads(row["options"])["epochs"] for row in rows.values()} == {1}
    assert all(int(row["train"]) == 12 and int(row["test"]) == 6 for row in rows.values())
    here = folder / "mine-tiny"
    assert sorted(path.name for path in here.iterdir()) == [
        "outcome.json", "page.html", "picture.png", "table.csv", "table.md",
    ]  # fmt: skip
    told = json.loads((here / "outcome.json").read_text(encoding="utf-8"))
    assert (told["rows"], told["runs"]) == (2, 4)
    assert told["summary"] == result.summary  # type: ignore[union-attr]
    with (here / "table.csv").open(encoding="utf-8") as table:
        lines = list(csv.DictReader(table))
    assert [line["seeds"] for line in lines] == ["2", "2", "0"]
    by_seed = [
        row for row in rows.values() if row["options"] == next(iter(rows.values()))["options"]
    ]
    mean = 100 - 100 * sum(float(row["top1"]) for row in by_seed) / 2
    assert float(lines[0]["error"]) == pytest.approx(mean, abs=0.01)
    assert not list((folder / "work").glob("*/run"))

    monkeypatch.setattr(train_run, "carry_out", None)  # nothing is run again
    again = martlet.reproduce(str(file), data=photos, size="tiny", folder=folder, quiet=True)
    assert again == result
    more = file.with_name("more.toml")
    more.write_text(FILE.replace("A title", "Another"), encoding="utf-8")
    assert martlet.reproduce(str(more), data=photos, size="tiny", folder=folder, quiet=True)


@pytest.mark.slow
def test_a_run_that_fails_is_a_hole_with_its_reason(
    file: Path, photos: Path, tmp_path: Path
) -> None:
    bad = FILE.replace("seeds = 2", "seeds = 1").replace(
        'paper = 55.0, macs = "13M" }', "paper = 55.0, train = { image_size = 4 } }"
    )
    file.write_text(bad, encoding="utf-8")
    result = martlet.reproduce(str(file), data=photos, size="tiny", folder=tmp_path / "out")
    assert list(result.failed) == ["g3, seed 0"]  # type: ignore[union-attr]
    assert "image_size=4 is too small" in result.failed["g3, seed 0"]  # type: ignore[union-attr]
    assert "failed: image_size=4" in (tmp_path / "out" / "mine-tiny" / "table.md").read_text(
        encoding="utf-8"
    )
    assert len(Record(tmp_path / "out").rows()) == 1
