"""The C example finds and draws the boxes that Python finds."""

import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter

from martlet.compiler import compile_onnx
from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.exporting import export_onnx
from martlet.inference import load
from martlet.models import create_model
from martlet.tasks.detection.limits import LIMITS
from martlet.workflows.predict_boxes import predict_boxes

EXAMPLE = Path(__file__).parents[2] / "examples" / "c" / "detect.c"
CLASSES = ("disc", 'the "square"', "ring")
STRICT = ("-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror")
SIZES = ((90, 64), (61, 200))
LEAST = 0.6


def picture(size: tuple[int, int], seed: int) -> Image.Image:
    pixels = np.random.default_rng(seed).integers(0, 256, (*size[::-1], 3), np.uint8)
    return Image.fromarray(pixels).filter(ImageFilter.GaussianBlur(3))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a compiled detector and of the example."""
    if not shutil.which("cc"):
        pytest.skip("there is no C compiler")
    folder = tmp_path_factory.mktemp("detect")
    torch.manual_seed(0)
    model = create_model("shufflenet_v2_x0_5", detector="lite", num_classes=3)
    with torch.no_grad():
        model(torch.randn(16, 3, 64, 64))
        model.answer.weight.mul_(100)  # so that the answers are far apart
        model.answer.bias[:3] = 0.0
        sides = (BoxPreprocess(size=64)(picture(size, 1)) for size in SIZES)
        logits = model.eval()(torch.stack([torch.from_numpy(one) for one in sides]))[..., :3]
        # A few answers of each picture are above the least score.
        model.answer.bias[:3] = 0.5 - logits.flatten(1).topk(12).values.amin()
    export_onnx(
        model.eval(), folder / "model.onnx", preprocess=BoxPreprocess(size=64), classes=CLASSES,
        meta={"task": "detection", "answers": model.told() | LIMITS}, output="answers",
    )  # fmt: skip
    compile_onnx(folder / "model.onnx", folder / "c", name="model")
    words = ["cc", *STRICT, f"-I{folder / 'c'}", str(EXAMPLE), str(folder / "c" / "model.c")]
    command = [*words, "-march=native", "-lm", "-o", "detect"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("size", SIZES[:1])
def test_the_same_boxes(built: Path, size: tuple[int, int]) -> None:
    picture(size, 1).save(built / "in.ppm")
    words = ["./detect", "in.ppm", "out.ppm", str(LEAST)]
    done = subprocess.run(words, cwd=built, capture_output=True, text=True, check=True)
    lines = [line.split("%", 1) for line in done.stdout.splitlines()]
    found = [(float(share), line.split(maxsplit=4)) for share, line in lines]
    net = load(built / "c")
    assert net.classes == CLASSES
    (expected,) = predict_boxes(net, [built / "in.ppm"], output=None, threshold=LEAST)
    wanted = expected.boxes
    assert len(wanted) > 3
    assert abs(len(found) - len(wanted)) <= 1  # at the threshold itself
    for share, (*sides, label) in found[:3]:
        at = np.array(list(map(int, sides)))
        near = [
            box
            for box in wanted
            if box.label == label and np.abs(np.array(box[2:]) - at).max() < 2.5
        ]
        assert near, (label, sides, wanted)
        assert min(abs(100 * box.score - share) for box in near) < 3
    with Image.open(built / "out.ppm") as drawn:
        before, after = np.asarray(picture(size, 1)), np.asarray(drawn)
    changed = (before != after).any(axis=2)
    left, top, right, bottom = (int(side) for side in found[0][1][:4])
    assert changed.any()
    assert 0 < changed.mean() < 0.9
    assert (after[min(top, size[1] - 1), left:right] == after[min(top, size[1] - 1), left]).all()
    assert right > left
    assert bottom > top
    (built / "bad.ppm").write_bytes(b"P6 2 2 255\nabc")
    for given in (["bad.ppm", "x.ppm"], ["bad.ppm"], ["none.ppm", "x.ppm"]):
        refused = subprocess.run(["./detect", *given], cwd=built, capture_output=True, text=True)
        assert refused.returncode == 1
        assert refused.stderr.startswith("usage: detect")


def test_the_example_is_short() -> None:
    lines = EXAMPLE.read_text(encoding="ascii").splitlines()
    assert len(lines) <= 60
    assert max(map(len, lines)) <= 100
