import shutil
from collections.abc import Callable
from inspect import signature
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch

from martlet.api.export import export
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.exporting import FORMATS
from martlet.training import checkpoint
from martlet.workflows.run_folder import Run
from martlet.workflows.stream import Stream


@pytest.fixture
def run(trained: Run, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained.folder, tmp_path / "copy"))


@pytest.mark.slow
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


def test_raw_is_for_boxes(run: Path) -> None:
    with pytest.raises(MartletError, match="raw=True is for networks that find boxes"):
        export(run, raw=True)


def test_a_checkpoint_is_never_the_output(run: Path) -> None:
    with pytest.raises(MartletError, match=r"ends in \.onnx"):
        export(run, output=run / "model.safetensors")


@pytest.fixture
def of_recordings(tmp_path: Path) -> Path:
    """A checkpoint of a small network for windows of 16 samples of two sensors, 8 apart."""
    network = checkpoint.Network("shufflenet_series", 3, 2, False, {"width": 0.25})
    how = SeriesPreprocess(("x", "y"), 50.0, 16, 8, mean=(1.0, -2.0), std=(0.5, 3.0))
    header = checkpoint.Header(network, ("sit", "run", "walk"), how, None, origin="a test")
    torch.manual_seed(0)
    path = tmp_path / "of_recordings" / "model.safetensors"
    path.parent.mkdir()
    checkpoint.save(path, network.build().state_dict(), header)
    return path


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_c_takes_samples_as_they_come_when_asked(
    of_recordings: Path, call: Callable[..., tuple[int, str, str]]
) -> None:
    status, _, error = call("export", of_recordings, "--format", "c", "--stream", "4")
    assert (status, error) == (0, "")
    folder = of_recordings.parent / "c"
    samples = np.random.default_rng(3).normal(size=(40, 2)).astype(np.float32)
    ours, theirs = Stream(folder), Stream(of_recordings, stride=4)
    assert ours.stride == 4
    found, expected = ours.push(samples), theirs.push(samples)
    assert [one.end for one in found] == list(range(16, 41, 4))
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.logits, other.logits, atol=1e-5)
    assert "model_push_raw(" in (folder / "model_samples.h").read_text()
    net = export(of_recordings, "c")  # as `compile` has it: only when asked for
    assert net.description.stream_bytes == 0
    assert "model_push_raw(" not in (folder / "model_samples.h").read_text()


@pytest.mark.parametrize(
    ("form", "stream", "sentence"),
    [
        ("onnx", 4, r"^stream=4 is for C, whose NAME_push takes samples; give format='c', or"),
        ("c", 0, r"^stream=0 is not accepted; give 1 to"),
        ("c", 4, r"^stream=4 is for networks of recordings; .*copy takes pictures: leave it out"),
    ],
)
def test_a_stream_is_of_recordings_in_c(run: Path, form: str, stream: int, sentence: str) -> None:
    before = sorted(run.iterdir())
    with pytest.raises(MartletError, match=sentence):
        export(run, form, stream=stream)  # type: ignore[call-overload]
    assert sorted(run.iterdir()) == before
