"""`measure --roofline`: the files, of a network by name and of a run."""

import csv
from pathlib import Path

import pytest

import martlet
from martlet.errors import MartletError
from martlet.models import spec
from martlet.workflows.run_folder import Run


@pytest.mark.slow
def test_a_network_by_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    martlet.measure("shufflenet_v2_x0_5", engines=["c"], seconds=0.05, roofline=True)
    with Path("shufflenet_v2_x0_5_roofline.csv").open(encoding="utf-8") as file:
        lines = list(csv.DictReader(file))
    assert sum(int(line["macs"]) for line in lines) == spec("shufflenet_v2_x0_5").macs
    kinds = {line["kind"] for line in lines}
    assert {"1×1 convolution", "depthwise convolution", "convolution", "pooling"} <= kinds
    for line in lines:
        if int(line["macs"]):
            assert float(line["roof_gflops"]) > 0
    assert Path("shufflenet_v2_x0_5_roofline.png").exists()
    assert "shufflenet_v2_x0_5_roofline.png: " in capsys.readouterr().err


@pytest.mark.slow
def test_the_network_of_a_run_in_its_folder(trained: Run) -> None:
    martlet.measure(trained.folder, engines=["c"], seconds=0.05, roofline=True)
    assert (trained.folder / "roofline.png").exists()
    assert (trained.folder / "roofline.csv").exists()


def test_what_is_compiled_already_has_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("martlet.workflows.measure.is_compiled", lambda run: True)
    with pytest.raises(MartletError, match=r"is compiled already, and roofline, ssh, adb and targ"):
        martlet.measure(tmp_path, engines=["c"], roofline=True)
