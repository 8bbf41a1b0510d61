"""Runs on a Ray cluster, here one of this machine."""

import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

import martlet
from martlet.errors import MartletError
from martlet.workflows.reproduce.on_ray import connected
from martlet.workflows.reproduce.part import Part
from martlet.workflows.reproduce.record import Record
from martlet.workflows.reproduce.tasks import Task

FILE = """\
title = "A title"
source = "A paper, Table 1"
asks = "Is it so?"
unit = "top-1 error, %"
setting = "cifar10"
rows = [
    { name = "g3", model = "shufflenet_v1_g3_x0_25" },
    { name = "small", model = "shufflenet_v1_g3_x0_25", train = { image_size = 4 } },
]

[tiny]
train = 4
test = 2
"""


@pytest.fixture
def cluster() -> Iterator[None]:
    """Ray begun, and ended again; what it warns of itself is not ours."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ray = pytest.importorskip("ray")
        ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
        yield
        ray.shutdown()


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_runs_on_a_cluster_are_rows_here(cluster: None, photos: Path, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(FILE, encoding="utf-8")
    result = martlet.reproduce(
        str(file), data=photos, size="tiny", folder=tmp_path / "out", ray="local", quiet=True
    )
    assert len(Record(tmp_path / "out").rows()) == 1
    assert list(result.failed) == ["small, seed 0"]  # type: ignore[union-attr]
    assert "image_size=4 is too small" in result.failed["small, seed 0"]  # type: ignore[union-attr]
    gone = Task(
        key="k", label="row, seed 0", row="row", seed=0, options={},
        part=Part(tmp_path / "gone.csv", None, "d"),
    )  # fmt: skip
    carry_out, at_once = connected("local", None)
    assert at_once == 2
    with pytest.raises(MartletError, match=r"gone\.csv is not on one of the machines; data and"):
        carry_out(gone, tmp_path / "work")


@pytest.mark.filterwarnings("ignore")
def test_no_cluster_is_an_error_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    ray = pytest.importorskip("ray")

    def refuse(**given: object) -> None:
        raise ConnectionError("Could not reach 10.0.0.1:6379.\nMore words.")

    monkeypatch.setattr(ray, "init", refuse)
    with pytest.raises(MartletError, match=r"^ray='10\.0\.0\.1:6379' does not answer \(Could not"):
        connected("10.0.0.1:6379", None)


def test_without_the_package_the_way_out_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "ray", None)
    with pytest.raises(MartletError, match=r"needs the package ray; install it with `pip install"):
        connected("local", None)
