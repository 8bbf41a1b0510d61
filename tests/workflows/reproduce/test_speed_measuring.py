"""Timings of an experiment: measured once on a machine, kept, read back."""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

import martlet
from martlet.errors import MartletError
from martlet.workflows.reproduce import speed_measuring
from martlet.workflows.reproduce.speed import SpeedExperiment, SpeedRow, SpeedSize
from martlet.workflows.reproduce.speed_measuring import Timing, network_of, timings

ONE = {"cpu": "One", "usable_cores": "2", "torch": "2", "onnxruntime": "1", "martlet": "0"}
ROWS = [
    SpeedRow(name="a", stack="g1", sizes={"first": 4, "second": 4}),
    SpeedRow(name="b", model="shufflenet_v2_x0_5", side=(64, 96)),
]
SIZE = SpeedSize(name="tiny", engines=("torch", "c"), threads=(1,), seconds=0.02, rounds=2)


def experiment() -> SpeedExperiment:
    return SpeedExperiment(
        name="one", title="One", source="Paper", asks="?", unit="images/s",
        figure="images per second", rows=ROWS, claims=[], sizes={"tiny": SIZE},
    )  # fmt: skip


def test_a_row_is_a_stack_or_a_network_of_its_side() -> None:
    assert [network_of(row)[1:] for row in ROWS] == [((4, 56, 56), 4), ((3, 64, 96), 1000)]
    cube = SpeedRow(name="c", model="hybridsn_salinas", options={"convolutions": "2d"})
    assert network_of(cube)[1:] == ((1, 15, 25, 25), 16)


def made_up(rows: list[SpeedRow], size: SpeedSize, threads: int) -> list[Timing]:
    return [
        Timing(row.name, engine, threads, 1, 2.5, 2.25, 3.0, (2.5, 2.75), True, 7, 8, 9)
        for row in rows
        for engine in size.engines
    ]


def test_what_is_measured_here_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_measuring, "measure", made_up)
    first, lines = timings(experiment(), SIZE, tmp_path)
    assert first == made_up(ROWS, SIZE, 1)
    assert len(lines) == 4
    assert all(line["cpu"] and line["date"] for line in lines)
    monkeypatch.setattr(speed_measuring, "measure", None)
    assert timings(experiment(), SIZE, tmp_path) == (first, lines)


def test_times_of_another_machine_are_kept_and_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speed_measuring, "measure", made_up)
    monkeypatch.setattr(speed_measuring, "machine", lambda: ONE)
    timings(experiment(), SIZE, tmp_path)
    monkeypatch.setattr(speed_measuring, "machine", lambda: {**ONE, "cpu": "Two"})
    found, mine = timings(experiment(), SIZE, tmp_path)
    assert len(found) == len(mine) == 4
    with (tmp_path / "speeds.csv").open(encoding="utf-8") as file:
        assert [row["cpu"] for row in csv.DictReader(file)] == ["One"] * 4 + ["Two"] * 4


def test_times_of_a_busy_moment_are_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def busy(rows: list[SpeedRow], size: SpeedSize, threads: int) -> list[Timing]:
        return [replace(one, reliable=False) for one in made_up(rows, size, threads)]

    monkeypatch.setattr(speed_measuring, "measure", busy)
    timings(experiment(), SIZE, tmp_path)
    monkeypatch.setattr(speed_measuring, "measure", made_up)
    found, lines = timings(experiment(), SIZE, tmp_path)
    assert all(one.reliable for one in found)
    assert len(lines) == 4


def test_a_file_of_another_version_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "speeds.csv"
    path.write_text("version,key\n9,a\n")
    with pytest.raises(MartletError, match=r"speeds\.csv, line 2: a row of version '9', or a cut"):
        timings(experiment(), SIZE, tmp_path)


@pytest.mark.slow
def test_an_experiment_of_speed_from_file_to_page(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(
        'kind = "speed"\ntitle = "A title"\nsource = "A paper"\nasks = "Is it so?"\n'
        'unit = "images a second"\n'
        "rows = [\n"
        '    { name = "a", stack = "g4", sizes = { channels = 8 }, group = "8", paper = 5.0 },\n'
        '    { name = "b", stack = "g4", sizes = { channels = 8, relu = false }, group = "8" },\n'
        "]\n"
        'claims = [{ says = "It is so", better = "b", worse = "a" }]\n',
        encoding="utf-8",
    )
    out = tmp_path / "out"
    result = martlet.reproduce(str(file), size="tiny", folder=out, quiet=True)
    assert sorted(path.name for path in (out / "mine-tiny").iterdir()) == [
        "outcome.json", "page.html", "picture.png", "speeds.csv", "table.md",
    ]  # fmt: skip
    assert result.table[0][3:6] == [  # type: ignore[union-attr]
        "PyTorch, 1 thread, images/s", "ONNX Runtime, 1 thread, images/s", "C, 1 thread, images/s",
    ]  # fmt: skip
    assert all(cell.endswith("(1.00)") for cell in result.table[1][3:])  # type: ignore[union-attr]
    assert result.findings[0].startswith("It is so. PyTorch, 1 thread: ")  # type: ignore[union-attr]
    with pytest.raises(MartletError, match=r"^data=photos is for experiments that train, and "):
        martlet.reproduce(str(file), size="tiny", folder=out, data=Path("photos"))
