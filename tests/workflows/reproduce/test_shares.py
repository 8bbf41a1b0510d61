"""Experiments of where the time goes."""

from pathlib import Path

import pytest

import martlet
from martlet.errors import MartletError
from martlet.workflows.reproduce import reading
from martlet.workflows.reproduce.shares import SharesExperiment

FILE = """\
kind = "operators"
title = "A title"
source = "A paper"
asks = "Is it so?"
rows = [{ name = "net", model = "shufflenet_v1_g3_x0_25", side = [64, 64] }]
"""


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "mine.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_it(tmp_path: Path) -> None:
    found = reading.read(written(tmp_path, FILE))
    assert isinstance(found, SharesExperiment)
    assert found.sizes["tiny"].calls < found.sizes["small"].calls
    assert found.rows[0].side == [64, 64]


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"operators"', '"operator"', r"line 1: kind 'operator' is not known; did you mean operat"),
        ("x0_25", "x0_25y", r"line 5: model 'shufflenet_v1_g3_x0_25y' is not known"),
        ("rows =", "calls = 3\nrows =", r"line 5: key 'calls' is not known"),
        ("}]", "}]\n[small]\ncalls = 2", r"line 6: calls is 5 or more, and seconds above 0"),
    ],
)
def test_a_mistake_is_named_with_its_line(tmp_path: Path, old: str, new: str, told: str) -> None:
    with pytest.raises(MartletError, match=told):
        reading.read(written(tmp_path, FILE.replace(old, new, 1)))


@pytest.mark.slow
def test_from_file_to_page(tmp_path: Path) -> None:
    path, out = written(tmp_path, FILE), tmp_path / "out"
    result = martlet.reproduce(str(path), size="tiny", folder=out, quiet=True)
    assert sorted(one.name for one in (out / "mine-tiny").iterdir()) == [
        "outcome.json", "page.html", "picture.png", "table.md",
    ]  # fmt: skip
    head, torch, in_c = result.table  # type: ignore[union-attr]
    assert (torch[0], in_c[0]) == ("net, PyTorch", "net, C")
    for line in (torch, in_c):
        shares = [float(cell.rstrip("%")) for cell in line[2:]]
        assert sum(shares) == pytest.approx(100, abs=0.1 * len(shares))
    assert "normalisation" in head
    assert in_c[head.index("normalisation")] == "0.0%"  # folded into the convolutions
