"""A scene is labelled whole, from a checkpoint, ONNX and C, and goes on after a stop."""

import csv
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tests.data.scenes.test_kind import BANDS, COLUMNS, GIVEN, ROWS, write_scene

import martlet
from martlet.data.scenes.scene import read_scene
from martlet.data.scenes.strips import strips
from martlet.errors import MartletError
from martlet.tasks.rejection import ENERGY, UNKNOWN, Unknown, score
from martlet.training import checkpoint
from martlet.workflows import predict_scene, torch_network
from martlet.workflows.open_network import open_network
from martlet.workflows.predict_scene import SceneMap
from martlet.workflows.run_folder import MAPS, Run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return write_scene(tmp_path_factory.mktemp("scene"))


@pytest.fixture(scope="module")
def run(files: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("runs")
    given = {**GIVEN, "epochs": 6, "optimizer": "adamw"}
    return martlet.train(files[0], labels=files[1], bands_axis=2, folder=folder, **given)


@pytest.fixture
def tiles_of_16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch_network, "TILE", 16)


def predict(run: Path, scene: Path, output: Path, **more: Any) -> SceneMap:
    given: dict[str, Any] = {"bands_axis": 2, "quiet": True, **more}
    (found,) = martlet.predict(run, [scene], output=output, **given)
    assert isinstance(found, SceneMap)
    return found


def test_the_map_and_what_lies_beside_it(
    files: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    found = predict(run.folder, files[0], tmp_path / "map")
    assert found.error is None
    assert {path.name for path in (tmp_path / "map").iterdir()} == {
        *("classes.npy", "classes.csv", "classes.png", "probability.npy", "probability.png")
    }
    truth, names = np.load(files[1]), dict(found.pixels)
    assert list(names) == ["1", "10", "14"]
    assert sum(names.values()) == ROWS * COLUMNS
    values = np.array([0, 1, 10, 14])[found.classes]
    assert (values == truth)[truth > 0].mean() > 0.9
    assert found.probability.shape == (ROWS, COLUMNS)
    assert 1 / 3 <= found.probability.min() <= found.probability.max() <= 1
    with (tmp_path / "map" / "classes.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == ["(no spectrum)", "1", "10", "14"]
    assert [int(row["pixels"]) for row in rows[1:]] == list(names.values())
    with Image.open(tmp_path / "map" / "classes.png") as picture:
        assert min(picture.size) > ROWS


def test_unknown_pixels_are_a_class_more_when_asked(
    files: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    tensors, header = checkpoint.load(run.checkpoint)
    scene = read_scene(files[0], bands_axis=2)
    network = open_network(run.folder)
    preprocess: Any = network.preprocess
    rows = list(strips(network.logits, scene, preprocess, any_size=True))
    scores = np.concatenate([score(ENERGY, strip.logits, axis=0) for strip in rows])
    unknown = Unknown(ENERGY, float(np.quantile(scores, 0.25)), 0.25, 40)
    copy = tmp_path / "model.safetensors"
    checkpoint.save(copy, tensors, replace(header, unknown=unknown))
    plain = predict(copy, files[0], tmp_path / "plain")
    found = predict(copy, files[0], tmp_path / "map", unknown=True)
    expected = np.where(scores < unknown.below, 4, plain.classes)
    np.testing.assert_array_equal(found.classes, expected)
    np.testing.assert_array_equal(found.probability, plain.probability)
    assert dict(found.pixels)[UNKNOWN] == (expected == 4).sum() > 0
    with (tmp_path / "map" / "classes.csv").open(encoding="utf-8") as file:
        assert [row["class"] for row in csv.DictReader(file)][-1] == UNKNOWN
    martlet.export(copy, output=tmp_path / "model.onnx", tile=11)
    exported = predict(tmp_path / "model.onnx", files[0], tmp_path / "exported", unknown=True)
    assert (exported.classes == found.classes).mean() > 0.99


@pytest.mark.parametrize("format", ["onnx", "c"])
def test_exported_networks_give_the_same_map(
    files: tuple[Path, Path], run: Run, tmp_path: Path, format: Any, tiles_of_16: None
) -> None:
    place = tmp_path / ("model.onnx" if format == "onnx" else "c")
    martlet.export(run.folder, format, output=place, tile=11)
    expected = predict(run.folder, files[0], tmp_path / "torch")
    found = predict(place, files[0], tmp_path / "exported")
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_allclose(found.probability, expected.probability, atol=1e-5)


@pytest.mark.parametrize("format", ["onnx", "c"])
def test_exported_networks_know_the_colours_of_the_label_map(
    files: tuple[Path, Path], tmp_path: Path, format: Any
) -> None:
    envi = pytest.importorskip("spectral.io.envi")
    labels = np.load(files[1])
    table = [(0, 0, 0), (255, 128, 0), (0, 64, 32), (9, 8, 7)]
    numbers = np.searchsorted([0, 1, 10, 14], labels).astype(np.uint8)
    names = ["none", "water", "wood", "wheat"]
    header = str(tmp_path / "gt.hdr")
    envi.save_classification(header, numbers, class_names=names, class_colors=table)
    given = {**GIVEN, "folder": tmp_path, "name": "run"}
    run = martlet.train(files[0], labels=tmp_path / "gt.hdr", bands_axis=2, **given)
    place = tmp_path / ("model.onnx" if format == "onnx" else "c")
    martlet.export(run.folder, format, output=place, tile=11)
    for one in (run.folder, place):
        predict(one, files[0], tmp_path / "map")
        with (tmp_path / "map" / "classes.csv").open(encoding="utf-8") as file:
            rows = list(csv.DictReader(file))[1:]
        assert [row["class"] for row in rows] == names[1:]
        found = [tuple(int(row[colour]) for colour in ("red", "green", "blue")) for row in rows]
        assert found == table[1:]


def test_networks_of_pictures_take_components_as_channels(
    files: tuple[Path, Path], tmp_path: Path
) -> None:
    given = {**GIVEN, "model": "shufflenet_v2_x0_5", "components": 5, "epochs": 4, "lr": 0.05}
    run = martlet.train(files[0], labels=files[1], bands_axis=2, folder=tmp_path, **given)
    assert "kappa" in run.metrics
    heights = set()
    for name in MAPS:
        with Image.open(run.folder / name) as picture:
            heights.add(picture.height)
    assert len(heights) == 1  # none has a title above it that the others lack
    found = predict(run.folder, files[0], tmp_path / "map")
    assert found.classes.shape == (ROWS, COLUMNS)
    martlet.export(run.folder, "onnx")
    again = predict(run.folder / "model.onnx", files[0], tmp_path / "exported")
    np.testing.assert_allclose(again.probability, found.probability, atol=1e-5)
    with pytest.raises(MartletError, match="tile=8 is for HybridSN"):
        martlet.export(run.folder, "onnx", tile=8)


def test_it_goes_on_where_it_was_stopped(
    files: tuple[Path, Path],
    run: Run,
    tmp_path: Path,
    tiles_of_16: None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    expected = predict(run.folder, files[0], tmp_path / "whole")
    rows: list[int] = []

    def watched(*given: Any, **named: Any) -> Iterator[Any]:
        for strip in labelled(*given, **named):
            if stop and strip.first == 32:
                raise KeyboardInterrupt
            rows.append(strip.first)
            yield strip

    labelled, stop = predict_scene.strips, True
    monkeypatch.setattr(predict_scene, "strips", watched)
    with pytest.raises(KeyboardInterrupt):
        predict(run.folder, files[0], tmp_path / "map")
    assert json.loads((tmp_path / "map" / "unfinished.json").read_text())["rows"] == 32
    shutil.copytree(tmp_path / "map", tmp_path / "other")
    stop = False
    found = predict(run.folder, files[0], tmp_path / "map")
    assert rows == [0, 16, 32]
    np.testing.assert_array_equal(found.classes, expected.classes)
    np.testing.assert_array_equal(found.probability, expected.probability)
    assert not (tmp_path / "map" / "unfinished.json").exists()
    rows.clear()
    os.utime(run.checkpoint, (1, 1))  # another network, for all that is known
    predict(run.folder, files[0], tmp_path / "other")
    assert rows == [0, 16, 32]


def test_a_damaged_note_of_an_earlier_try_is_no_obstacle(
    files: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    (tmp_path / "map").mkdir()
    (tmp_path / "map" / "unfinished.json").write_text("{")
    assert predict(run.folder, files[0], tmp_path / "map").error is None


def test_pixels_without_a_spectrum_have_no_class(
    files: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    cube = np.load(files[0])
    cube[3:5, 7] = np.nan
    np.save(tmp_path / "holes.npy", cube)
    found = predict(run.folder, tmp_path / "holes.npy", tmp_path / "map")
    assert np.argwhere(found.classes == 0).tolist() == [[3, 7], [4, 7]]
    assert np.argwhere(found.probability == 0).tolist() == [[3, 7], [4, 7]]
    assert sum(pixels for _, pixels in found.pixels) == ROWS * COLUMNS - 2


def test_maps_have_the_scenes_coordinates(
    files: tuple[Path, Path], run: Run, tmp_path: Path
) -> None:
    rasterio = pytest.importorskip("rasterio")
    cube = np.load(files[0])
    place = rasterio.Affine(30, 0, 500_000, 0, -30, 4_000_000)
    path = tmp_path / "scene.tif"
    with rasterio.open(
        path, "w", driver="GTiff", height=ROWS, width=COLUMNS, count=BANDS, dtype="float32",
        crs="EPSG:32633", transform=place,
    ) as dataset:  # fmt: skip
        dataset.write(np.moveaxis(cube, 2, 0))
    found = predict(run.folder, path, tmp_path / "map", bands_axis=None)
    assert found.error is None
    for name, expected in (("classes", found.classes), ("probability", found.probability)):
        with rasterio.open(tmp_path / "map" / f"{name}.tif") as dataset:
            assert (dataset.crs.to_epsg(), dataset.transform) == (32633, place)
            np.testing.assert_array_equal(dataset.read(1), expected)
    with rasterio.open(tmp_path / "map" / "classes.tif") as dataset:
        assert dataset.nodata == 0
        assert dataset.colormap(1)[1] == (0x00, 0x72, 0xB2, 255)
        assert dataset.tags(1)["class_3"] == "14"


def test_an_envi_scene_gets_envi_maps(files: tuple[Path, Path], run: Run, tmp_path: Path) -> None:
    envi = pytest.importorskip("spectral.io.envi")
    info = ["UTM", "1", "1", "500000", "4000000", "30", "30", "33", "North", "WGS-84"]
    envi.save_image(str(tmp_path / "scene.hdr"), np.load(files[0]), metadata={"map info": info})
    found = predict(run.folder, tmp_path / "scene.hdr", tmp_path / "map", bands_axis=None)
    assert found.error is None
    written = envi.open(str(tmp_path / "map" / "classes.hdr"))
    np.testing.assert_array_equal(np.asarray(written.read_band(0)), found.classes)
    assert written.metadata["map info"] == info
    assert written.metadata["class names"] == ["(no spectrum)", "1", "10", "14"]


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [((ROWS, COLUMNS, BANDS + 2), "18 bands; the network was trained on 16"), (None, "exist")],
)
def test_what_cannot_be_labelled_is_a_sentence(
    run: Run, tmp_path: Path, shape: tuple[int, ...] | None, sentence: str
) -> None:
    if shape is not None:
        np.save(tmp_path / "scene.npy", np.zeros(shape, np.float32))
    found = predict(run.folder, tmp_path / "scene.npy", tmp_path / "map")
    assert found.error is not None
    assert sentence in found.error
    assert not (tmp_path / "map" / "classes.npy").exists()
    with pytest.raises(MartletError, match="there is no map"):
        _ = found.classes


def test_two_scenes_of_one_name_are_told_apart_by_the_user(run: Run) -> None:
    with pytest.raises(MartletError, match="two scenes have one name"):
        martlet.predict(run.folder, ["a/x.npy", "b/x.mat"])
