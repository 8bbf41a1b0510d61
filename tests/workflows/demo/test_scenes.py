from pathlib import Path

import pytest

from martlet.api.demo import demo


@pytest.mark.slow
def test_a_scene_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = demo("scenes", folder=tmp_path, epochs=4)
    assert run.folder == tmp_path / "demo-scenes"
    assert run.metrics["protocol"]["name"] == "disjoint"
    assert run.metrics["top1"] > 0.4  # of six classes
    said = capsys.readouterr().err
    assert "side by side" in said
    assert "random, optimistic (1 run)" in said
    assert "verified with ONNX Runtime" in said
    assert "scene.npz: mapped in" in said
    assert (tmp_path / "demo-scenes" / "scene_map" / "classes.png").exists()
    assert "Splits side by side" in (run.folder / "report.html").read_text()
    assert said.rstrip().endswith("martlet train scene.mat --labels gt.mat --model hybridsn")
