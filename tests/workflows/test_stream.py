"""Samples as they come get the answers that their windows get by themselves."""

import shutil
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from tests.compiler.series import CHANNELS, LAYOUTS, LENGTH, recording, series_file, window_of
from tests.models.comparison import lively

import martlet
from martlet.compiler import compile_onnx
from martlet.errors import MartletError
from martlet.models import Classifier, create_model
from martlet.workflows import stream as workflow
from martlet.workflows.stream import Stream

SAMPLES = recording(100)


def module() -> Classifier:
    torch.manual_seed(0)
    made = lively(create_model("shufflenet_series", in_chans=CHANNELS, num_classes=4, width=0.25))
    assert isinstance(made, Classifier)
    return made.eval()


@pytest.mark.parametrize("sizes", [[1] * 100, [7] * 14 + [2], [100], [39, 1, 60]])
def test_of_a_module_in_whatever_pieces_samples_come(sizes: list[int]) -> None:
    model = module()
    stream = Stream(model, window=LENGTH, stride=12)
    bounds = np.cumsum(sizes)[:-1]
    answers = [a for part in np.split(SAMPLES, bounds) for a in stream.push(part)]
    assert [answer.end for answer in answers] == [40, 52, 64, 76, 88, 100]
    for answer in answers:
        window = torch.from_numpy(SAMPLES[answer.end - LENGTH : answer.end])[None, None]
        with torch.inference_mode():
            logits = model(window)[0]
        assert np.array_equal(answer.logits, logits.numpy())
        assert answer.label == str(int(logits.argmax()))
        assert answer.probability == pytest.approx(float(logits.softmax(0).max()))


def test_one_sample_at_a_time_and_a_recording_behind_another() -> None:
    stream = Stream(module(), window=LENGTH, stride=50)  # windows that leave samples out
    first = [bool(stream.push(sample)) for sample in SAMPLES]
    assert [n for n, there in enumerate(first, 1) if there] == [40, 90]
    stream.clear()
    assert [bool(stream.push(sample)) for sample in SAMPLES] == first
    assert stream.push(np.zeros((0, CHANNELS))) == []


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
@pytest.mark.parametrize("layout", LAYOUTS)
def test_of_a_compiled_network(tmp_path: Path, layout: str) -> None:
    net = compile_onnx(series_file(tmp_path, layout), tmp_path, target="portable", stream=8)
    for stride in (None, 5):  # its own, with shared rows, and another one
        stream = martlet.Stream(tmp_path, stride=stride)
        answers = stream.push(SAMPLES.astype(np.float64))
        assert [a.end for a in answers] == list(range(LENGTH, 101, stride or 8))
        for answer in answers:
            window = window_of(layout, SAMPLES[answer.end - LENGTH : answer.end])
            assert np.array_equal(answer.logits, net(window)[0])


def test_a_trained_networks_samples_are_scaled_as_its_windows_were(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its classes name the answers, and its stride is the default."""
    mean, scale = np.float32([1, 2, 3]), np.float32([1, 0.5, 2])
    preprocess = SimpleNamespace(
        kind="series",
        shape=(1, LENGTH, CHANNELS),
        stride=30,
        normalise=lambda rows: ((rows - mean) * scale)[..., None, :, :],
    )
    weights = torch.randn(LENGTH * CHANNELS, 2).numpy()
    opened = SimpleNamespace(
        preprocess=preprocess,
        classes=("sit", "walk"),
        logits=lambda batch: batch.reshape(1, -1) @ weights,
        threshold=None,
    )
    monkeypatch.setattr(workflow, "open_network", lambda path: opened)
    answers = Stream(tmp_path / "model.safetensors").push(SAMPLES)
    assert [answer.end for answer in answers] == [40, 70, 100]
    for answer in answers:
        window = preprocess.normalise(SAMPLES[answer.end - LENGTH : answer.end])
        logits = opened.logits(window)[0]
        assert np.array_equal(answer.logits, logits)
        assert answer.label == opened.classes[logits.argmax()]
    preprocess.kind = "image"
    with pytest.raises(MartletError, match="takes images, not windows of recordings"):
        Stream(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        (np.zeros((2, 4)), r"^samples of shape \(2, 4\) and type float64 do not fit; give numbers"),
        (np.zeros(2), r"give numbers \(n, 3\), or \(3,\) for one sample"),
        (["a", "b", "c"], "type <U1 do not fit"),
        ([1.0, float("nan"), 2.0], "^samples hold NaN or infinite numbers"),
    ],
)
def test_other_samples_are_one_sentence_and_none_is_taken(given: object, sentence: str) -> None:
    stream = Stream(module(), window=LENGTH, stride=12)
    stream.push(SAMPLES[:39])
    with pytest.raises(MartletError, match=sentence):
        stream.push(given)
    assert [answer.end for answer in stream.push(SAMPLES[39])] == [40]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({}, "^window is needed: a module does not say"),
        ({"window": 0}, "^window=0 is not accepted; give a number of samples"),
        ({"window": 40, "stride": -1}, "^stride=-1 is not accepted"),
        ({"network": 5}, "^network=5 is not accepted; give a run"),
        ({"network": "no/where.safetensors"}, "does not exist"),
    ],
)
def test_what_is_no_network_is_one_sentence(options: dict[str, object], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        Stream(**{"network": module(), **options})


@pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")
def test_a_compiled_network_of_pictures_is_one_sentence(tiny_folder: Path) -> None:
    with pytest.raises(MartletError, match=r"tiny takes .* no window of a recording"):
        Stream(tiny_folder)


@pytest.fixture
def tiny_folder(tmp_path: Path) -> Path:
    from tests.compiler.graphs import graph, save

    model = graph("y = Conv (x, w)", (1, 3, 8, 8), w=(4, 3, 1, 1))
    compile_onnx(save(model, tmp_path, "tiny"), tmp_path / "out", target="portable")
    return tmp_path / "out"
