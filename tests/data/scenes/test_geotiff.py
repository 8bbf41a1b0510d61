import os
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
import rasterio.shutil
from numpy.testing import assert_array_equal

from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).integers(0, 4000, (40, 50, 5)).astype("uint16")
PLACE: dict[str, Any] = {
    "crs": "EPSG:32613",
    "transform": rasterio.Affine(30, 0, 500000, 0, -20, 4000000),
}


def write(path: Path, values: "np.ndarray[Any, Any]", **options: Any) -> Any:
    """rows × columns × bands -> an open dataset that they were written to."""
    rows, columns, bands = values.shape
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        dataset = rasterio.open(
            path,
            "w",
            driver="GTiff",
            width=columns,
            height=rows,
            count=bands,
            dtype=values.dtype,
            **options,
        )
    dataset.write(values.transpose(2, 0, 1))
    return dataset


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"interleave": "band"},
        {"tiled": True, "blockxsize": 16, "blockysize": 16, "compress": "deflate"},
        {"BIGTIFF": "YES"},
        {"ENDIANNESS": "BIG"},
    ],
)
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int16", "float32"])
def test_windows(tmp_path: Path, options: dict[str, Any], dtype: str) -> None:
    values = (CUBE % 250).astype(dtype)
    write(tmp_path / "a.tif", values, **options).close()
    scene = read_scene(tmp_path / "a.tif")
    assert scene.shape == (40, 50, 5)
    assert scene.dtype == dtype
    assert_array_equal(scene.block(slice(10, 33), slice(45, 60)), values[10:33, 45:])
    assert scene.block(slice(40, 50), slice(None)).shape == (0, 50, 5)
    assert (scene.georeference, scene.nodata, scene.band_names) == (None, None, None)


def test_what_the_file_says(tmp_path: Path) -> None:
    with write(tmp_path / "a.tif", CUBE, nodata=0, **PLACE) as dataset:
        dataset.set_band_description(2, "green")
        for band in range(1, 6):
            dataset.update_tags(band, wavelength=str(0.4 + band / 10), wavelength_units="um")
    scene = read_scene(tmp_path / "a.tif")
    assert scene.nodata == 0
    assert scene.band_names == ("", "green", "", "", "")
    assert scene.wavelengths == pytest.approx([500, 600, 700, 800, 900])
    assert scene.georeference is not None
    assert scene.georeference.transform == (30, 0, 500000, 0, -20, 4000000)
    copy = {
        "crs": scene.georeference.crs,
        "transform": rasterio.Affine(*scene.georeference.transform),
    }
    write(tmp_path / "b.tif", CUBE[:, :, :1], **copy).close()
    assert read_scene(tmp_path / "b.tif").georeference == scene.georeference


def test_wavelengths_of_the_imagery_domain(tmp_path: Path) -> None:
    with write(tmp_path / "a.tif", CUBE) as dataset:
        for band in range(1, 6):
            dataset.update_tags(band, ns="IMAGERY", CENTRAL_WAVELENGTH_UM=str(0.4 + band / 10))
    assert read_scene(tmp_path / "a.tif").wavelengths == pytest.approx([500, 600, 700, 800, 900])


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32"])
def test_a_label_map(tmp_path: Path, dtype: str) -> None:
    labels = (CUBE[:, :, :1] % 3).astype(dtype)
    labels[0, 0] = 99
    with write(tmp_path / "gt.tif", labels, nodata=99) as dataset:
        if dtype == "uint8":
            dataset.write_colormap(1, {1: (255, 0, 0, 255), 2: (0, 9, 0, 255)})
    found = read_labels(tmp_path / "gt.tif")
    labels[0, 0] = 0
    assert_array_equal(found.labels, labels[:, :, 0])
    colours = {1: (255, 0, 0), 2: (0, 9, 0)} if dtype == "uint8" else {}
    assert found.colours == colours


def test_nothing_is_left_beside_the_file(tmp_path: Path) -> None:
    write(tmp_path / "a.tif", CUBE, **PLACE).close()
    read_scene(tmp_path / "a.tif").block(slice(None), slice(None))
    assert [path.name for path in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("big", ["YES", "NO"])
def test_cut_short_has_both_numbers(tmp_path: Path, big: str) -> None:
    path = tmp_path / "a.tif"
    write(path, CUBE, BIGTIFF=big).close()
    for there in (10_000, 7):
        os.truncate(path, there)
        with pytest.raises(MartletError, match=rf"cut short: {there:,} of at least [\d,]+ bytes"):
            read_scene(path)


def test_cut_short_behind_the_directory(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(tmp_path / "b.tif", CUBE).close()
    rasterio.shutil.copy(tmp_path / "b.tif", path, driver="COG")
    whole = path.stat().st_size
    assert read_scene(path).shape == (40, 50, 5)
    os.truncate(path, whole - 1000)
    with pytest.raises(MartletError, match=rf"cut short: {whole - 1000:,} of at least [\d,]+"):
        read_scene(path)


def test_damage_is_said_when_it_is_met(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path, CUBE, compress="deflate", **PLACE).close()
    with rasterio.open(path) as dataset:
        start = int(dataset.get_tag_item("BLOCK_OFFSET_0_1", "TIFF", bidx=1))
    raw = bytearray(path.read_bytes())
    raw[start : start + 100] = bytes(100)  # of rows 16 to 31
    path.write_bytes(raw)
    scene = read_scene(path)
    assert_array_equal(scene.block(slice(16), slice(None)), CUBE[:16])
    with pytest.raises(MartletError, match="cannot be read"):
        scene.block(slice(20), slice(None))


def test_what_gdal_says_in_other_bytes_is_not_printed(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tif"
    with write(path, CUBE, **PLACE) as dataset:
        dataset.set_band_description(1, "red")
    raw = path.read_bytes()
    assert b"<Item name" in raw
    path.write_bytes(raw.replace(b"<Item name=", b"<Item \xbdame "))
    assert_array_equal(read_scene(path).block(slice(None), slice(None)), CUBE)
    assert capfd.readouterr() == ("", "")


def test_pages(tmp_path: Path) -> None:
    path = tmp_path / "a.tif"
    write(path, CUBE).close()
    write(path, CUBE[:9, :8], APPEND_SUBDATASET="YES").close()
    with pytest.raises(MartletError, match=r"'1' \(40×50×5, uint16\), '2' \(9×8×5"):
        read_scene(path)
    assert_array_equal(read_scene(path, array="2").block(slice(None), slice(None)), CUBE[:9, :8])
    path.unlink()
    write(path, CUBE[:, :, :1] % 3).close()
    write(path, CUBE[:, :, 1:2], APPEND_SUBDATASET="YES").close()
    with pytest.raises(MartletError, match="2 pages of one band each"):
        read_scene(path)
    found = read_labels(path, array="1")
    assert found.shape == (40, 50)
