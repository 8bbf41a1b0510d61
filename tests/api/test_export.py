import shutil
from inspect import signature
from pathlib import Path
from typing import get_args

import pytest

from martlet.api.export import export
from martlet.errors import MartletError
from martlet.exporting import FORMATS
from martlet.workflows.run_folder import Run


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "copy"))


def test_the_file_lies_where_it_is_told(run: Path, tmp_path: Path) -> None:
    found = export(run, output=tmp_path / "deep" / "net.onnx")
    assert found.path == tmp_path / "deep" / "net.onnx"
    assert not (run / "model.onnx").exists()
    assert found.max_difference < 1e-4


def test_every_format_is_on_the_command_line() -> None:
    kind, _ = get_args(signature(export).parameters["format"].annotation)
    assert get_args(kind) == tuple(FORMATS)


def test_an_unknown_format_is_named(run: Path) -> None:
    with pytest.raises(MartletError, match="format 'onxx' is not known; did you mean onnx"):
        export(run, "onxx")  # type: ignore[arg-type]


def test_a_checkpoint_is_never_the_output(run: Path) -> None:
    with pytest.raises(MartletError, match=r"ends in \.onnx"):
        export(run, output=run / "model.safetensors")
