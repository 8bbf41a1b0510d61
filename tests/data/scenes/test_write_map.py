"""Maps lie where their scene does, for every program that reads such files."""

import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal
from spectral.io import envi

from martlet.data.scenes.scene import read_scene
from martlet.data.scenes.write_map import write_map

CUBE = np.random.default_rng(0).normal(size=(6, 5, 4)).astype("float32")
CLASSES = np.arange(30, dtype=np.uint8).reshape(6, 5) % 3
PROBABILITY = np.linspace(0, 1, 30, dtype=np.float32).reshape(6, 5)
NAMES, COLOURS = ["water, deep", "wood"], [(1, 2, 3), (250, 9, 8)]
INFO = ["UTM", "1", "1", "500000", "4000000", "30", "30", "33", "North", "WGS-84"]


def written(folder: Path, scene: Path, suffix: str) -> Any:
    """What rasterio reads of the two maps: coordinates, values, and the map of classes itself."""
    place = read_scene(scene).georeference
    assert place is not None
    made = write_map(folder, CLASSES, PROBABILITY, NAMES, COLOURS, place)
    assert all(path.exists() for path in made)
    found = []
    for name, values in (("classes", CLASSES), ("probability", PROBABILITY)):
        with rasterio.open(folder / f"{name}{suffix}") as dataset:
            assert_array_equal(dataset.read(1), values)
            code = None if dataset.crs is None else dataset.crs.to_epsg()
            found.append((code, tuple(dataset.transform)[:6]))
    assert found[0] == found[1]
    return found[0]


@pytest.mark.parametrize("code", [32633, 4326, None])
@pytest.mark.parametrize("rotated", [0.0, 3.5])
def test_of_a_geotiff(tmp_path: Path, code: int | None, rotated: float) -> None:
    transform = rasterio.Affine(30, rotated, 500_000, rotated, -30, 4_000_000)
    crs = {} if code is None else {"crs": f"EPSG:{code}"}
    with rasterio.open(
        tmp_path / "scene.tif", "w", driver="GTiff", width=5, height=6, count=4, dtype="float32",
        transform=transform, **crs,
    ) as dataset:  # fmt: skip
        dataset.write(CUBE.transpose(2, 0, 1))
    assert written(tmp_path, tmp_path / "scene.tif", ".tif") == (code, tuple(transform)[:6])
    with rasterio.open(tmp_path / "classes.tif") as dataset:
        assert dataset.nodata == 0
        assert dataset.colormap(1)[2] == (250, 9, 8, 255)
        assert dataset.tags(1)["class_1"] == "water, deep"


def test_of_envi(tmp_path: Path) -> None:
    envi.save_image(str(tmp_path / "scene.hdr"), CUBE, metadata={"map info": INFO})
    expected = (32633, (30, 0, 500_000, 0, -30, 4_000_000))
    assert written(tmp_path, tmp_path / "scene.hdr", ".img") == expected
    header = envi.open(str(tmp_path / "classes.hdr")).metadata
    assert header["class names"] == ["(no spectrum)", "water; deep", "wood"]


def test_a_scene_without_coordinates_has_none(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        with rasterio.open(
            tmp_path / "a.tif", "w", driver="GTiff", width=5, height=6, count=4, dtype="float32"
        ) as dataset:
            dataset.write(CUBE.transpose(2, 0, 1))
    assert read_scene(tmp_path / "a.tif").georeference is None
