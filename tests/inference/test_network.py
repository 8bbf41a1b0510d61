import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

import martlet.inference.network as module
from martlet import memory
from martlet.compiler import compile_onnx
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.exporting import export_onnx
from martlet.inference import FORMAT, KEY, load, open_onnx
from martlet.tasks.prediction import rank

PREPROCESS = Preprocess(size=12)
CLASSES = ("ant", "bee", "cat")


def small() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(400, 3)).eval()


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("network") / "model.onnx"
    return export_onnx(small(), path, preprocess=PREPROCESS, classes=CLASSES).path


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Five readable ones of different sizes."""
    folder = tmp_path_factory.mktemp("pictures")
    generator = np.random.default_rng(0)
    paths = []
    for number in range(5):
        pixels = generator.integers(0, 256, (20 + 3 * number, 31, 3), np.uint8)
        paths.append(folder / f"{number}.png")
        Image.fromarray(pixels).save(paths[-1])
    return paths


def changed(good: Path, path: Path, header: object) -> Path:
    """The good file with another text in its metadata."""
    proto = onnx.load(good)
    text = header if isinstance(header, str) else json.dumps(header)
    onnx.helper.set_model_props(proto, {KEY: text})
    onnx.save(proto, path)
    return path


def header_of(good: Path) -> dict[str, object]:
    return json.loads(onnx.load(good).metadata_props[0].value)


def test_logits_of_any_layout_and_of_nothing(good: Path) -> None:
    network = load(good)
    batch = np.random.default_rng(1).standard_normal((2, 12, 12, 3), np.float32)
    view = batch.transpose(0, 3, 1, 2)
    assert np.array_equal(network.logits(view), network.logits(view.copy()))
    assert np.array_equal(network.logits(view.astype(np.float64)), network.logits(view))
    assert network.logits(np.zeros((0, 3, 12, 12), np.float32)).shape == (0, 3)


def test_logits_of_a_batch_that_cores_share(good: Path) -> None:
    batch = np.random.default_rng(1).standard_normal((70, 3, 12, 12), np.float32)
    shared = load(good, threads=1).logits(batch)
    np.testing.assert_allclose(shared, load(good).logits(batch), atol=1e-6)


def test_pictures_in_memory(good: Path, pictures: list[Path]) -> None:
    network = load(good, threads=1)
    expected = network.predict(pictures[0])[0]
    with Image.open(pictures[0]) as image, pictures[0].open("rb") as file:
        pixels = np.asarray(image)
        sources = [image, file, pixels, io.BytesIO(pictures[0].read_bytes()), pixels[None]]
        found = network.predict(sources)
        assert network.predict(image)[0].path == str(pictures[0])
    assert [item.path for item in found] == [
        *2 * (str(pictures[0]),),
        *("picture 3", "picture 4", "picture 5"),
    ]
    assert all(item.top == expected.top for item in found[:4])
    assert "array of uint8 and shape (1, 20, 31, 3)" in str(found[4].error)


def test_large_pictures_are_predicted_a_few_at_a_time(
    good: Path, pictures: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = load(good).predict(pictures)
    monkeypatch.setattr(memory, "EVAL_VALUES", 2 * 3 * 12 * 12)  # as two of the network's inputs
    found, sizes = load(good), []
    logits = found.logits

    def counted(batch: np.ndarray) -> np.ndarray:
        sizes.append(len(batch))
        return logits(batch)

    monkeypatch.setattr(found, "logits", counted)
    assert [item.label for item in found.predict(pictures)] == [item.label for item in expected]
    assert sizes == [2, 2, 1]


def test_a_file_that_is_read_but_fails_when_it_runs(good: Path, tmp_path: Path) -> None:
    """As a damaged weight does: its shape fits no longer, and no size in the file says so."""
    proto = onnx.load(good)
    del proto.graph.value_info[:]
    end = proto.graph.output[0].name
    shape = onnx.numpy_helper.from_array(np.array([7, 11]), "seven")
    proto.graph.initializer.append(shape)
    last = next(node for node in proto.graph.node if end in node.output)
    last.output[list(last.output).index(end)] = "before"
    proto.graph.node.append(onnx.helper.make_node("Reshape", ["before", "seven"], [end]))
    proto.graph.output[0].type.tensor_type.shape.ClearField("dim")
    proto.graph.output[0].type.tensor_type.ClearField("shape")
    onnx.save(proto, tmp_path / "m.onnx")
    for threads in (None, 1):
        network = load(tmp_path / "m.onnx", threads)
        Image.new("RGB", (20, 20)).save(tmp_path / "a.png")
        for run in (
            lambda: network.logits(np.zeros((1, 3, 12, 12), np.float32)),  # noqa: B023
            lambda: network.predict(tmp_path / "a.png"),  # noqa: B023
            lambda: open_onnx(tmp_path / "m.onnx")(np.zeros((1, 3, 12, 12), np.float32)),
        ):
            with pytest.raises(MartletError, match=r"m\.onnx was read, but fails when it runs \("):
                run()


def test_a_batch_of_another_shape(good: Path) -> None:
    for shape in [(3, 12, 12), (1, 1, 12, 12), (1, 3, 12, 13)]:
        with pytest.raises(MartletError, match=r"use \(N, 3, 12, 12\)"):
            load(good).logits(np.zeros(shape, np.float32))


@pytest.mark.parametrize("batch", [1, 2, 32])
@pytest.mark.parametrize("threads", [None, 1])
def test_predictions_follow_the_pictures(
    good: Path,
    pictures: list[Path],
    batch: int,
    threads: int | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "BATCH", batch)
    found = load(good, threads).predict(pictures, top=2)
    for path, prediction in zip(pictures, found, strict=True):
        with torch.inference_mode():
            logits = small()(torch.from_numpy(PREPROCESS(path))[None])[0].numpy()
        expected = rank(str(path), logits, CLASSES, 2)
        assert (prediction.path, prediction.label) == (str(path), expected.label)
        assert len(prediction.top) == 2
        assert prediction.probability == pytest.approx(expected.probability, abs=1e-5)


def test_an_unreadable_picture_does_not_stop_the_others(
    good: Path, pictures: list[Path], tmp_path: Path
) -> None:
    cut = tmp_path / "cut.png"
    cut.write_bytes(pictures[0].read_bytes()[:300])
    long = tmp_path / "long.png"  # readable, but not with this Preprocess
    Image.new("RGB", (2000, 3)).save(long)
    asked = [cut, pictures[0], tmp_path / "none.png", long, pictures[1], tmp_path]
    found = load(good).predict(asked)
    assert [item.path for item in found] == [str(path) for path in asked]
    assert [item.error is None for item in found] == [False, True, False, False, True, False]
    for item in found:
        if item.error is not None:
            assert (item.label, item.probability, item.top) == ("", 0.0, ())
            assert item.error.endswith(".")
    alone = load(good).predict(str(pictures[1]))[0]
    assert found[4].label == alone.label
    assert found[4].probability == pytest.approx(alone.probability, abs=1e-5)


def test_only_unreadable_pictures_and_none_at_all(good: Path, tmp_path: Path) -> None:
    assert [item.error is None for item in load(good).predict([tmp_path / "no.png"])] == [False]
    assert load(good).predict([]) == []


@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: b"",
        lambda whole: b"hello" * 99,
        *(lambda whole, part=part: whole[: int(part * len(whole))] for part in (0.02, 0.5, 0.98)),
    ],
)
def test_a_damaged_file(good: Path, tmp_path: Path, damage: Callable[[bytes], bytes]) -> None:
    path = tmp_path / "m.onnx"
    path.write_bytes(damage(good.read_bytes()))
    with pytest.raises(MartletError, match=r"m\.onnx (cannot be read as|was not exported).*\.$"):
        load(path)


def test_a_file_of_another_program(good: Path, tmp_path: Path) -> None:
    proto = onnx.load(good)
    del proto.metadata_props[:]
    onnx.save(proto, tmp_path / "m.onnx")
    with pytest.raises(MartletError, match="was not exported by martlet"):
        load(tmp_path / "m.onnx")


def test_a_newer_format_says_so_whatever_else_it_holds(good: Path, tmp_path: Path) -> None:
    path = changed(good, tmp_path / "m.onnx", {"format": FORMAT + 1, "labels": 7})
    with pytest.raises(MartletError, match=f"format {FORMAT + 1}, made by a newer martlet"):
        load(path)


@pytest.mark.parametrize(
    "change",
    [
        {"format": None},
        {"format": "1"},
        {"classes": None},
        {"classes": "abc"},
        {"classes": [1, 2, 3]},
        {"preprocess": None},
        {"preprocess": {"size": -3}},
        {"preprocess": {"size": 12, "blur": 1}},
        *("{", "[1]", "null", '{"format": 1}'),
    ],
)
def test_damaged_metadata(good: Path, tmp_path: Path, change: dict[str, object] | str) -> None:
    header = change if isinstance(change, str) else header_of(good) | change
    path = changed(good, tmp_path / "m.onnx", header)
    sentence = r"the martlet metadata of .*m\.onnx is (damaged|not JSON)"
    with pytest.raises(MartletError, match=sentence):
        load(path)


def test_top_is_checked_before_any_picture_is_read(good: Path) -> None:
    with pytest.raises(MartletError, match="top=0 is not accepted"):
        load(good).predict([], top=0)


def test_predicting_needs_no_torch(good: Path, pictures: list[Path]) -> None:
    code = f"""
import sys
from martlet.inference import load
print(load({str(good)!r}).predict([{str(pictures[0])!r}])[0].label)
print([name for name in sys.modules if name.split(".")[0] in ("torch", "torchvision", "onnx")])
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    label, heavy = run.stdout.splitlines()
    assert label in CLASSES
    assert heavy == "[]"


def constants(path: Path) -> Path:
    """A file without input, with the metadata of one that martlet exported."""
    nodes = "{ y = Constant <value = float[1, 3] {1.0, 2.0, 3.0}> () }"
    proto = onnx.parser.parse_model(
        f'<ir_version: 9, opset_import: ["" : 17]> network () => (float[1, 3] y) {nodes}'
    )
    header = {"format": FORMAT, "classes": CLASSES, "preprocess": PREPROCESS.to_dict()}
    onnx.helper.set_model_props(proto, {KEY: json.dumps(header)})
    onnx.save(proto, path)
    return path


def test_a_network_without_input_is_one_sentence(tmp_path: Path) -> None:
    path = constants(tmp_path / "net.onnx")
    with pytest.raises(MartletError, match=r"^\S+net\.onnx has no input to predict from"):
        load(path)
    net = compile_onnx(path, tmp_path / "out", library=False)
    assert not net.description.inputs  # the compiler itself takes it
    with pytest.raises(MartletError, match=r"^\S+out has no input to predict from"):
        load(tmp_path / "out")
