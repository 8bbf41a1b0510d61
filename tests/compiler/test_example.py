"""The C example names the same classes as `martlet predict`."""

import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from PIL import Image, ImageFilter

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.compiler.codegen.preprocess_header import picture_header
from martlet.data.pictures.preprocess import Preprocess
from martlet.exporting import export_onnx
from martlet.inference import KEY, Network, load
from martlet.models import create_model
from martlet.tasks.rejection import ENERGY, MAX_LOGIT, PROBABILITY, Unknown, score

EXAMPLE = Path(__file__).parents[2] / "examples" / "c" / "classify.c"
CLASSES = ['the "best"', "Ärger", "back\\slash", "what??!", "*/", "percent %s", "seven"]
WAYS = [
    pytest.param(Preprocess(size=48), id="crop"),
    pytest.param(
        Preprocess(size=40, rule="squash", interpolation="bicubic", channels="BGR"),
        id="squash", marks=pytest.mark.slow,
    ),
    pytest.param(
        Preprocess(size=33, channels="L", crop_pct=1.0), id="grey", marks=pytest.mark.slow
    ),
]  # fmt: skip
SIZES = ((90, 64), (61, 200), (30, 37))  # of pictures
STRICT = ["-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror"]


def picture(size: tuple[int, int], seed: int) -> Image.Image:
    """Coloured spots, as soft as photographs are."""
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    soft = Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(6))
    return Image.eval(soft, lambda value: int(np.clip((value - 127) * 8 + 127, 0, 255)))


@pytest.fixture(autouse=True)
def compiler() -> None:
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")


@pytest.fixture(scope="module", params=WAYS)
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of model.onnx of a network for this kind of picture."""
    folder = tmp_path_factory.mktemp("network")
    torch.manual_seed(0)
    how: Preprocess = request.param
    model = create_model("shufflenet_v2_x0_5", num_classes=7, in_chans=len(how.mean))
    with torch.no_grad():
        model(torch.randn(16, len(how.mean), 64, 64))
        for name, values in model.named_parameters():  # so that the answers are far apart
            if values.shape == (7, values.shape[-1]):
                values.mul_(200)
                assert name.endswith("weight")
    export_onnx(model, folder / "model.onnx", preprocess=how, classes=CLASSES)
    return folder


def test_the_example_names_the_same_classes(network: Path, tmp_path: Path) -> None:
    pictures = [picture(size, number) for number, size in enumerate(SIZES)]
    how = load(network / "model.onnx").preprocess
    name = MAX_LOGIT if how.in_chans == 1 else PROBABILITY if how.rule == "squash" else ENERGY
    net = with_threshold(network / "model.onnx", tmp_path / "model.onnx", name, pictures)
    compile_onnx(tmp_path / "model.onnx", tmp_path, target="portable", library=False)
    words = ["cc", *STRICT, "-I.", str(EXAMPLE), "model.c", "-lm", "-o", "classify"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    unknown = []
    for number, drawn in enumerate(pictures):
        path = tmp_path / f"{number}.ppm"
        drawn.save(path)
        done = subprocess.run(
            ["./classify", path.name], cwd=tmp_path, capture_output=True, check=True
        )
        lines = done.stdout.decode().splitlines()
        (answer,) = net.predict([path], unknown=True)
        unknown.append(answer.unknown)
        assert (lines[0] == "unknown; the best guesses:") == answer.unknown
        lines = lines[answer.unknown :]
        found = [(line.split("%  ", 1)[1], float(line.split("%")[0])) for line in lines]
        (expected,) = net.predict([path], top=7)
        assert len(found) == 5
        assert found[0][1] > 20  # percent; 14 would be chance
        for (label, share), (wanted, likely) in zip(found, expected.top[:5], strict=True):
            assert abs(share - 100 * likely) < 3.0
            near = [name for name, other in expected.top if abs(other - likely) < 0.06]
            assert label in {wanted, *near}
    assert sorted(unknown) == [False, False, True]


def with_threshold(path: Path, place: Path, name: str, pictures: list[Image.Image]) -> Network:
    """The same file with a threshold between the two lowest scores of the pictures."""
    proto, net = onnx.load(path), load(path)
    logits = net.logits(np.stack([net.preprocess(drawn) for drawn in pictures]))
    below = float(np.sort(score(name, logits))[:2].mean())
    meta = {**net.meta, "unknown": Unknown(name, below, 0.05, 20).to_dict()}
    onnx.helper.set_model_props(proto, {KEY: json.dumps(meta)})
    onnx.save(proto, place)
    return load(place)


def test_it_refuses_what_is_no_ppm(network: Path, tmp_path: Path) -> None:
    compile_onnx(network / "model.onnx", tmp_path, target="portable", library=False)
    words = ["cc", *STRICT, f"-I{tmp_path}", str(EXAMPLE), "model.c", "-lm", "-o", "classify"]
    subprocess.run(words, cwd=tmp_path, check=True)
    for content in (b"", b"P6", b"P6 2 2 255\nabc", b"P6 -1 5 255\n", b"P5 2 2 255\nabcd"):
        (tmp_path / "bad.ppm").write_bytes(content)
        done = subprocess.run(["./classify", "bad.ppm"], cwd=tmp_path, capture_output=True)
        assert done.returncode == 1
        assert b"usage" in done.stderr


def test_the_example_is_short() -> None:
    lines = EXAMPLE.read_text(encoding="ascii").splitlines()
    assert len(lines) <= 82
    assert max(map(len, lines)) <= 100


def test_the_compiled_folder_predicts_as_the_onnx_file_does(network: Path, tmp_path: Path) -> None:
    compile_onnx(network / "model.onnx", tmp_path / "out")
    for number in range(3):
        picture((90, 64), number).save(tmp_path / f"{number}.png")
    paths = sorted(tmp_path.glob("*.png"))
    compiled, exported = load(tmp_path / "out"), load(network / "model.onnx")
    assert compiled.classes == exported.classes == tuple(CLASSES)
    assert compiled.preprocess == exported.preprocess
    for one, other in zip(compiled.predict(paths), exported.predict(paths), strict=True):
        assert one.label == other.label
        assert abs(one.probability - other.probability) < 1e-5


def test_the_header_says_what_preprocess_does(network: Path) -> None:
    meta = load(network / "model.onnx").meta
    text = picture_header("model", meta) or ""
    how = Preprocess.from_dict(meta["preprocess"])
    side = how.resized["side"]
    assert f"#define MODEL_SIDE {side}\n" in text
    for name, values in (("SCALE", how.scale), ("BIAS", how.bias)):
        said = text.split(f"MODEL_{name}[] = {{")[1].split("}")[0].replace("f", "").split(",")
        np.testing.assert_array_equal(np.array(said, np.float32), values)
    assert picture_header("model", {}) is None


def test_metadata_of_a_strange_file_does_not_become_code(network: Path, tmp_path: Path) -> None:
    model = onnx.load(network / "model.onnx")
    (entry,) = (item for item in model.metadata_props if item.key == "martlet")
    entry.value = entry.value.replace('"the \\"best\\""', '"\\"}; int evil; /*\\u0000\\n"')
    onnx.save(model, tmp_path / "model.onnx")
    compile_onnx(tmp_path / "model.onnx", tmp_path / "out", library=False)
    text = (tmp_path / "out" / "model_picture.h").read_text()
    assert r'"\042}; int evil; /*\000\n"' in text
    assert CompiledNetwork(tmp_path / "out").description.meta["classes"][1] == "Ärger"
