from pathlib import Path

import pytest

from martlet.api.demo import demo


@pytest.mark.slow
def test_shapes_from_end_to_end(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = demo("boxes", folder=tmp_path, epochs=2)
    assert run.folder == tmp_path / "demo-boxes"
    assert run.metrics["part"] == "test"
    assert run.metrics["pictures"] == 60
    assert len(list((run.folder / "boxes").glob("*_boxes.png"))) == 6
    assert (run.folder / "report.html").exists()
    said = capsys.readouterr().err
    assert "shapes on textures" in said
    assert "AP50" in said
    assert said.rstrip().endswith("--model shufflenet_v2_x1_0 --image-size 320")
