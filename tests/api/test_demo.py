import re
from pathlib import Path
from typing import Any

import pytest

from martlet.api.demo import demo
from martlet.workflows.demo.stations import free_name


def test_a_free_name_is_found(tmp_path: Path) -> None:
    assert free_name(tmp_path, "demo") == "demo"
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo-2").mkdir()
    assert free_name(tmp_path, "demo") == "demo-3"


@pytest.mark.first
@pytest.mark.parametrize(
    ("options", "least"),
    [
        pytest.param({"epochs": 6}, 0.9, marks=pytest.mark.slow),
        pytest.param({}, 0.98, marks=pytest.mark.long),
    ],
)
def test_the_main_job_from_end_to_end(
    options: dict[str, Any], least: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = demo(folder=tmp_path, **options)
    assert run.metrics["part"] == "test"
    assert run.metrics["pictures"] == pytest.approx(1797 / 5, abs=5)
    assert run.metrics["top1"] >= least
    assert {"model.onnx", "model.safetensors", "report.html"} <= {
        path.name for path in run.folder.iterdir()
    }
    said = capsys.readouterr().err
    assert "verified with ONNX Runtime" in said
    assert re.search(r"\bonnxruntime +1 +1 ", said)
    assert len(re.findall(r"digits/\d/\d{4}\.png", said)) == 10
    assert said.rstrip().endswith("martlet train photos/ --model shufflenet_v2_x1_0")


@pytest.mark.long
def test_quiet_prints_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    demo(folder=tmp_path, epochs=1, quiet=True)
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "")


@pytest.mark.slow
def test_recordings_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = demo("series", folder=tmp_path, epochs=3)
    assert run.metrics["noun"] == "windows"
    assert (run.folder / "day_timeline" / "timeline.png").exists()
    said = capsys.readouterr().err
    assert "verified with ONNX Runtime" in said
    assert "segments in" in said
