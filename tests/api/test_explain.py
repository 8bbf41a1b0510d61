import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import martlet
from martlet.api.explain import explain
from martlet.api.predict import predict
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.training.recipe import Recipe
from martlet.workflows.named_pictures import file_names
from martlet.workflows.run_folder import Run

CLASSES = ("bright", "dark")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A network for each rule of preparing pictures: a place is "bright" as the pixel there is."""
    found = {}
    for rule in ("crop", "squash"):
        network = Network("mobilenet_v1_x0_25", 2, 3, small_input=False)
        model = network.build()
        with torch.no_grad():
            for name, parameter in model.named_parameters():
                if parameter.dim() == 4:  # the brightness of a pixel goes through all layers
                    side = parameter.shape[-1] // 2
                    parameter.zero_()[..., side, side] = 1 / parameter.shape[1]
                elif name == "classifier.weight":
                    parameter[0], parameter[1] = 1.0, -1.0
        preprocess = Preprocess(256, rule, crop_pct=0.8, mean=(0, 0, 0), std=(1, 1, 1))
        header = Header(network, CLASSES, preprocess, Recipe().filled(0.0, 8))
        found[rule] = tmp_path_factory.mktemp(rule) / "model.safetensors"
        checkpoint.save(found[rule], model.state_dict(), header)
    return found


def spot(path: Path, size: tuple[int, int], at: tuple[int, int], **options: object) -> Path:
    """A dark picture (width, height) with a bright square around a place."""
    pixels = np.full((size[1], size[0]), 20, np.uint8)
    x, y = at
    pixels[max(0, y - 50) : y + 50, max(0, x - 50) : x + 50] = 250
    Image.fromarray(pixels).save(path, **options)
    return path


def centre(shown: Path) -> tuple[float, float]:
    """Where the yellow of the evidence lies, in shares of the width and of the height."""
    with Image.open(shown) as image:
        pixels = np.asarray(image, np.float64)
    weight = np.maximum(pixels[..., 0] - pixels[..., 2] - 60, 0)
    rows, columns = np.indices(weight.shape)
    total = weight.sum() * np.array(weight.shape[::-1])
    return tuple(np.array([(weight * columns).sum(), (weight * rows).sum()]) / total)


@pytest.mark.parametrize("rule", ["crop", "squash"])
@pytest.mark.parametrize(("x", "y"), [(200, 90), (400, 90), (200, 200), (400, 200)])
def test_the_evidence_lies_over_the_corner_that_it_comes_from(
    runs: dict[str, Path], tmp_path: Path, rule: str, x: int, y: int
) -> None:
    path = spot(tmp_path / "a.png", (600, 300), (x, y))
    (found,) = explain(runs[rule], path, class_name="bright", output=tmp_path / "out")
    assert found.picture == tmp_path / "out" / "a_explained.png"
    assert centre(found.picture) == pytest.approx((x / 600, y / 300), abs=0.06)
    with Image.open(found.picture) as shown:
        assert shown.size == (600, 300)
        assert "speaks for bright" in shown.info["Description"]
    assert found.evidence is not None
    assert found.evidence.shape == (8, 8)


def test_what_the_network_does_not_see_is_dark(runs: dict[str, Path], tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    Image.new("RGB", (640, 320), "white").save(path)
    (found,) = explain(runs["crop"], path, output=tmp_path / "out")
    assert found.seen == pytest.approx((192, 32, 448, 288), abs=2)
    (squashed,) = explain(runs["squash"], path, output=tmp_path / "other")
    assert squashed.seen == (0, 0, 640, 320)
    with Image.open(found.picture or "") as image:
        shown = np.asarray(image)
    assert shown[160, :180].max() < 80 < shown[160, 200:440].min(initial=255, where=[True, 0, 0])
    assert shown[10].max() < 80


def test_a_turned_gray_deep_large_or_small_picture(runs: dict[str, Path], tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter to the right: what is left and high comes to lie right and high
    turned = spot(tmp_path / "turned.jpg", (600, 300), (200, 70), exif=exif)
    large = spot(tmp_path / "large.png", (3000, 1500), (1500, 750))
    small, deep = tmp_path / "small.png", tmp_path / "deep.png"
    Image.new("L", (8, 6), 200).save(small)
    Image.fromarray(np.full((60, 60), 40000, np.uint16)).save(deep)
    pictures = [turned, large, small, deep]
    found = explain(runs["squash"], pictures, class_name="bright", output=tmp_path / "out")
    assert [one.error for one in found] == [None] * 4
    for one, size in zip(found, [(300, 600), (1024, 512), (256, 192), (240, 240)], strict=True):
        with Image.open(one.picture or "") as shown:
            assert shown.size == size
    assert centre(found[0].picture or Path()) == pytest.approx((1 - 70 / 300, 200 / 600), abs=0.06)


def test_answers_are_those_of_predict(trained: Run, photos: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.jpg"
    bad.write_bytes(b"no picture")
    given = [photos / "red", bad, Image.new("RGB", (30, 30), "blue")]
    found = explain(trained.folder, given, output=tmp_path / "out")
    expected = predict(trained.folder, given)
    assert [one.path for one in found] == [one.path for one in expected]
    assert [one.label for one in found] == [one.label for one in expected]
    assert [one.error for one in found] == [one.error for one in expected]
    for one, other in zip(found, expected, strict=True):
        assert one.probability == pytest.approx(other.probability, abs=1e-6)
        assert one.class_name == one.label
    assert len(list((tmp_path / "out").iterdir())) == 13
    asked = explain(trained.folder, given[:1], class_name="green", output=tmp_path / "out")
    assert {one.class_name for one in asked} == {"green"}
    assert asked[0].class_probability < 0.5 < asked[0].probability


def test_names_that_collide() -> None:
    names = ["x/a.jpg", "y/a.png", "A.jpg", "b.jpg", "", "c?" + 200 * "d" + ".jpg"]
    found = file_names(names, "explained")
    assert found[:5] == [
        f"{stem}_explained.png" for stem in ("a", "a-2", "A-3", "b", "picture")
    ]  # fmt: skip
    assert found[5].startswith("c_d")
    assert len(found[5]) < 100
    assert file_names(["a-2.jpg", "a.jpg", "a.png"], "explained") == [
        f"{stem}_explained.png" for stem in ("a-2", "a", "a-3")
    ]  # fmt: skip


def test_a_picture_is_not_written_over(runs: dict[str, Path], tmp_path: Path) -> None:
    spot(tmp_path / "a.png", (64, 64), (9, 9))
    own = spot(tmp_path / "a_explained.png", (64, 64), (9, 9))
    before = own.read_bytes()
    with pytest.raises(MartletError, match=r"a_explained\.png that is to be explained"):
        explain(runs["crop"], tmp_path, output=tmp_path)
    assert own.read_bytes() == before


def test_what_cannot_be_explained(
    runs: dict[str, Path], exported: Path, tmp_path: Path, photos: Path
) -> None:
    with pytest.raises(MartletError, match=r"class.*'brigt'.*bright"):
        explain(runs["crop"], photos, class_name="brigt", output=tmp_path)
    with pytest.raises(MartletError, match="holds no maps of features"):
        explain(exported, photos)
    with pytest.raises(MartletError, match="does not exist"):
        explain(tmp_path / "none", photos)
    assert list(tmp_path.iterdir()) == []


def test_a_run_of_recordings_is_refused(tmp_path: Path, photos: Path) -> None:
    from martlet.data.series.preprocess import SeriesPreprocess

    network = Network("shufflenet_series", 2, 2, small_input=False)
    how = SeriesPreprocess(("x", "y"), 10.0, 32, 16, mean=(0.0, 0.0), std=(1.0, 1.0))
    header = Header(network, CLASSES, how, Recipe().filled(0.0, 8, usual={}))
    path = tmp_path / "model.safetensors"
    checkpoint.save(path, network.build().state_dict(), header)
    with pytest.raises(MartletError, match=r"takes recordings, and explain is for pictures; wind"):
        explain(path, photos)


def test_on_the_command_line(
    call: Callable[..., tuple[int, str, str]], runs: dict[str, Path], tmp_path: Path
) -> None:
    path = spot(tmp_path / "a.png", (64, 64), (9, 9))
    out = tmp_path / "out"
    code, said, _ = call("explain", runs["crop"], path, "--class", "dark", "--out", out, "--json")
    (found,) = json.loads(said)
    assert code == 0
    assert (found["class_name"], found["picture"]) == ("dark", str(out / "a_explained.png"))
    assert np.shape(found["evidence"]) == (8, 8)
    code, said, _ = call("explain", runs["crop"], path, tmp_path / "none.jpg")
    assert code == 0
    assert "none.jpg" in said
    assert (runs["crop"].parent / "explained" / "a_explained.png").exists()
    assert call("explain", runs["crop"], tmp_path / "none.jpg")[0] == 1


def test_the_sheets_of_a_run_have_it(trained: Run) -> None:
    with Image.open(trained.folder / "predictions.png") as sheet:
        assert "what speaks for the prediction" in sheet.info["Description"]
    assert martlet.explain is explain
