"""compile, and what predict, measure and export make of compiled networks."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest

import martlet
from martlet.api.compile import compile
from martlet.api.export import export
from martlet.api.measure import measure
from martlet.api.predict import predict
from martlet.errors import MartletError
from martlet.workflows.run_folder import Run

Call = Callable[..., tuple[int, str, str]]

pytestmark = pytest.mark.skipif(not shutil.which("cc"), reason="there is no C compiler")


@pytest.fixture(scope="module")
def compiled(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run as C, beside a copy of it; not to be written to."""
    run = shutil.copytree(trained.folder, tmp_path_factory.mktemp("compiled") / "run")
    return Path(export(run, "c").folder)


@pytest.fixture
def small(write_matrix: Callable[..., Path]) -> Path:
    """m.onnx: one matrix product."""
    weight = np.random.default_rng(0).standard_normal((8, 192)).astype(np.float32)
    return write_matrix(weight, shape=(3, 8, 8))


def test_a_network_to_call(small: Path, tmp_path: Path) -> None:
    net = martlet.compile(small, tmp_path / "out")
    x = np.random.default_rng(0).standard_normal((2, 3, 8, 8)).astype(np.float32)
    assert net(x).shape == (2, 8)
    again = martlet.CompiledNetwork(tmp_path / "out")
    np.testing.assert_array_equal(again(x), net(x))


def test_the_usual_folder_is_beside_the_file(exported: Path, tmp_path: Path) -> None:
    copied = Path(shutil.copy(exported, tmp_path / "some.onnx"))
    net = compile(copied, build=False)
    assert net.folder == tmp_path / "some"
    assert (tmp_path / "some" / "some_picture.h").exists()


def test_predict_takes_a_compiled_folder(compiled: Path, trained: Run, photos: Path) -> None:
    pictures = sorted(photos.glob("*/00[0-3].png"))
    expected = predict(trained.folder, pictures)
    found = predict(compiled, pictures)
    assert [one.label for one in found] == [one.label for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert abs(one.probability - other.probability) < 1e-4


def test_predict_wants_classes_and_preprocessing(
    exported: Path, tmp_path: Path, photos: Path
) -> None:
    plain = onnx.load(exported)
    del plain.metadata_props[:]
    onnx.save(plain, tmp_path / "plain.onnx")
    compile(tmp_path / "plain.onnx", tmp_path / "out", build=False)
    with pytest.raises(MartletError, match="does not say its classes and preprocessing"):
        predict(tmp_path / "out", [photos])


def test_export_as_c_beside_the_run(compiled: Path) -> None:
    net = martlet.CompiledNetwork(compiled)
    assert compiled.name == "c"
    assert net.description.name == "model"
    assert net.description.meta["classes"] == ["blue", "green", "red"]
    assert not compiled.with_name("model.onnx").exists()


@pytest.mark.slow
def test_measure_compares_c_with_others(trained: Run, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(trained.folder, tmp_path / "run"))
    rows = measure(folder, engines=["torch,onnxruntime,c"], seconds=0.05, batch=2)
    assert [row.engine for row in rows] == ["torch", "onnxruntime", "c"]
    assert ">c</" in (folder / "report.html").read_text(encoding="utf-8")
    assert not (folder / "c").exists()


def test_measure_a_compiled_folder(compiled: Path) -> None:
    (row,) = measure(compiled, seconds=0.05)
    assert (row.engine, row.threads) == ("c", 1)
    with pytest.raises(MartletError, match=r"engines=torch .* compiled network; c is"):
        measure(compiled, engines=["torch"], seconds=0.05)


@pytest.mark.slow
def test_measure_a_network_by_name_on_two_threads() -> None:
    rows = measure("resnet20", engines=["c"], seconds=0.05, image_size=32, threads=2)
    assert [(row.engine, row.threads) for row in rows] == [("c", 2)]


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"shape": "1x3"}, "shape"),
        ({"shape": (1, 3, 16, 16)}, r"shape=\(1, 3, 16, 16\) is not accepted; give sides such as"),
        ({"shape": "1x3xax4"}, r"shape='1x3xax4' is not accepted; give sides such as"),
        ({"shape": "z=1x3x16x16"}, "shape of 'z': the inputs are called 'input'"),
        ({"target": "wasm64"}, "target 'wasm64' is not known; did you mean wasm32"),
        ({"compiler": "gcc-99"}, "compiler='gcc-99' is not there"),
        ({"target": "aarch64", "report": True, "build": False}, "does not run here"),
    ],
)
def test_bad_arguments_are_one_sentence(
    exported: Path, tmp_path: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        compile(exported, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_report_of_every_layer(small: Path, tmp_path: Path) -> None:
    from PIL import Image

    net = compile(str(small), str(tmp_path / "out"), report=True, build=False)
    assert net.profile is not None
    lines = (tmp_path / "out" / "m_layers.csv").read_text(encoding="utf-8").splitlines()
    assert len(lines) == 1 + len(net.profile.layers)
    assert lines[0].startswith(
        "name,operator,summary,macs,bytes,moved_bytes,tile,milliseconds,gflops"
    )
    assert net.profile.moved_bytes == 0
    assert any(layer.tile for layer in net.profile.layers)
    with Image.open(tmp_path / "out" / "m_layers.png") as picture:
        assert "layers take" in picture.text["Description"]


def test_the_command(call: Call, small: Path, tmp_path: Path) -> None:
    code, out, err = call("compile", small, "-o", tmp_path / "out", "--report")
    assert code == 0, err
    assert "m.c, m.h, m." in out
    assert "GFLOP/s" in out
    assert "0 bytes only change places" in out.replace("\n", " ")
    code, out, err = call("compile", small, "-o", tmp_path / "out", "--no-build", "--json")
    assert code == 0, err
    assert json.loads(out)["library"] is None
    code, out, err = call("compile", tmp_path / "no.onnx")
    assert (code, out) == (2, "")
    assert "no.onnx does not exist" in err
