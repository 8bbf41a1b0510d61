"""Files of experiments of speed, and whatever may be wrong in one."""

from pathlib import Path

import pytest

from martlet.errors import MartletError
from martlet.workflows.reproduce import reading
from martlet.workflows.reproduce.speed import SpeedExperiment

GOOD = """\
kind = "speed"
title = "A title"
source = "A paper, Table 1"
asks = "Is it so?"
unit = "images a second"
rows = [
    { name = "1:1", stack = "g1", sizes = { first = 8, second = 8 }, group = "x1", paper = 76.2 },
    { name = "1:4", stack = "g1", sizes = { first = 4, second = 16 }, group = "x1" },
    { name = "net", model = "shufflenet_v2_x0_5", side = [64, 96], group = "net" },
]
claims = [{ says = "It is so", better = "1:1", worse = "1:4" }]

[tiny]
engines = ["torch", "c"]
"""


def read(tmp_path: Path, text: str) -> SpeedExperiment:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    found = reading.read(path)
    assert isinstance(found, SpeedExperiment)
    return found


def test_rows_groups_and_sizes(tmp_path: Path) -> None:
    experiment = read(tmp_path, GOOD)
    assert [experiment.first_of(row).name for row in experiment.rows] == ["1:1", "1:1", "net"]
    assert experiment.figure == "images per second"
    tiny, small = experiment.sizes["tiny"], experiment.sizes["small"]
    assert (tiny.engines, tiny.threads) == (["torch", "c"], [1])
    assert tiny.seconds < small.seconds
    assert tuple(small.threads) == (1, 2)


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('stack = "g1", sizes = { first = 8', 'stack = "g7", sizes = { first = 8',
         r"line 7: stack='g7' is not known"),
        ("second = 16", "second = 0", r"line 8: stack='g1' with .* has no channel"),
        ("second = 16", "groups = 16", r"line 8: stack='g1' does not take first, groups; it has"),
        ("x0_5", "x0_51x", r"line 9: model 'shufflenet_v2_x0_51x' is not known"),
        ('model = "shufflenet_v2_x0_5", ', "", r"line 9: 'net' needs a model or a stack, one of"),
        ("[64, 96]", "[64]", r"line 9: side=\[64\] is not accepted; give \[height, width\]"),
        ("shufflenet_v2_x0_5", "hybridsn", "line 9: image_size=64 does not fit hybridsn"),
        ('"torch", "c"]', '"tensorrt"]', r"line 14: engine 'tensorrt' is not known"),
        ('engines = ["torch", "c"]', "seconds = 0.0", r"line 13: threads, batch, rounds and sec"),
        ('better = "1:1"', 'better = "1:2"', r"line 11: row '1:2' is not known"),
        ("unit =", "units =", r"line 5: key 'units' is not known; did you mean unit"),
        ('kind = "speed"', 'kind = "speed"\\nfigure = "errors"', r"figure 'errors' is not known"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    assert old in GOOD
    with pytest.raises(MartletError, match=told):
        read(tmp_path, GOOD.replace(old, new.replace("\\n", "\n"), 1))
