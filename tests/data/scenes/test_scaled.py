"""Scale, offset and nodata of a file, from the numbers in it to maps and training."""

import warnings
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal
from spectral.io import envi

from martlet.data.scenes.geotiff import opened
from martlet.data.scenes.kind import given
from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.preprocess import ScenePreprocess, pixels_held
from martlet.data.scenes.samples import label_pixels
from martlet.data.scenes.scene import Scene, read_scene
from martlet.data.scenes.summaries import class_spectra, three_bands

ROWS, COLUMNS, BANDS = 12, 10, 6
GENERATOR = np.random.default_rng(0)
STORED = GENERATOR.integers(100, 4000, (ROWS, COLUMNS, BANDS)).astype("int16")
SCALES = np.array([1e-4, 1e-4, 2e-4, 1e-4, 1e-4, 1.0])
OFFSETS = np.array([-0.1, 0, 0, 0, 0.5, 0])
NODATA = -9999
LABELS = np.broadcast_to(np.arange(COLUMNS, dtype=np.uint8) % 3, (ROWS, COLUMNS)).copy()


def tif(path: Path, values: Any, scales: Any, offsets: Any, nodata: float | None = None) -> Path:
    """A GeoTIFF as GDAL writes one."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        dataset = rasterio.open(
            path, "w", driver="GTiff", width=values.shape[1], height=values.shape[0],
            count=values.shape[2], dtype=values.dtype, nodata=nodata,
        )  # fmt: skip
    with dataset:
        dataset.write(values.transpose(2, 0, 1))
        dataset.scales, dataset.offsets = scales, offsets
    return path


def labels(folder: Path) -> Path:
    np.save(folder / "gt.npy", LABELS)
    return folder / "gt.npy"


def whole(scene: Scene) -> Any:
    return scene.block(slice(None), slice(None))


def holes() -> Any:
    """A pixel without anything, and one that lacks a band."""
    values = STORED.copy()
    values[3, 4], values[5, 1, 2] = NODATA, NODATA
    return values


@pytest.mark.parametrize("dtype", ["int16", "uint8", "int32", "float32", "float64"])
def test_a_geotiffs_values_are_in_its_unit(tmp_path: Path, dtype: str) -> None:
    stored = (STORED % 250).astype(dtype)
    scene = read_scene(tif(tmp_path / "a.tif", stored, SCALES, OFFSETS))
    expected = stored * SCALES + OFFSETS
    wide = "float64" if dtype in ("int32", "float64") else "float32"
    assert scene.dtype == wide == whole(scene).dtype
    assert_array_equal(whole(scene), expected.astype(wide))
    part = scene.block(slice(2, 40), slice(3, 5))
    assert_array_equal(part, expected.astype(wide)[2:, 3:5])
    assert scene.block(slice(12, 13), slice(None)).shape == (0, COLUMNS, BANDS)
    assert scene.scaled == "the file's scales and offsets are applied, to each band its own"


def test_a_file_that_says_nothing_is_as_it_was(tmp_path: Path) -> None:
    scene = read_scene(tif(tmp_path / "a.tif", STORED, [1] * BANDS, [0] * BANDS, NODATA))
    assert (scene.dtype, scene.scaled, scene.nodata) == ("int16", "", NODATA)
    assert_array_equal(whole(scene), STORED)


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_nodata_is_counted_and_no_spectrum(tmp_path: Path, scale: float) -> None:
    scales = [scale] * BANDS
    scene = read_scene(tif(tmp_path / "a.tif", holes(), scales, [0] * BANDS, NODATA))
    samples = label_pixels(scene, read_labels(labels(tmp_path)))
    told = "2 labelled pixels hold no spectrum (NaN, infinite or nodata in a band) and are left out"
    assert told in samples.odd
    applied = "the file's scale and offset are applied: number × 0.0001 + 0"
    assert (applied in samples.odd) == (scale != 1)
    assert len(samples) == np.count_nonzero(LABELS) - 2
    held = pixels_held(whole(scene), scene.nodata)
    assert np.argwhere(~held).tolist() == [[3, 4], [5, 1]]
    made = samples.fit(ScenePreprocess(window=3, components=4), range(0, len(samples), 2))
    assert made.preprocess is not None
    components = made.padded[1:-1, 1:-1]
    assert not components[3, 4].any()
    assert not components[5, 1].any()
    assert np.abs(components).max() < 10  # deviations: -9999 is in none of them
    shown = three_bands(scene, (0, 1, 3))
    assert np.argwhere(np.isnan(shown[..., 0])).tolist() == [[3, 4], [5, 1]]


def test_components_are_those_of_the_same_values_in_a_file_of_floats(tmp_path: Path) -> None:
    """Int16 with a scale for training, floats without one to predict on: the same inputs."""
    scene = read_scene(tif(tmp_path / "a.tif", holes(), SCALES, OFFSETS, NODATA))
    values = np.where(holes() == NODATA, np.nan, holes() * SCALES + OFFSETS).astype("float32")
    other = read_scene(tif(tmp_path / "b.tif", values, [1] * BANDS, [0] * BANDS))
    gt = read_labels(labels(tmp_path))
    one, two = label_pixels(scene, gt), label_pixels(other, gt)
    assert one.digests == two.digests
    fits = [s.fit(ScenePreprocess(3, 4), range(len(s))) for s in (one, two)]
    assert_array_equal(fits[0].padded, fits[1].padded)


@pytest.mark.parametrize("scale", [1.0, 1e-4])
def test_pixels_that_are_masked_hold_nothing(tmp_path: Path, scale: float) -> None:
    mask = np.full((ROWS, COLUMNS), 255, np.uint8)
    mask[2, 3:5] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        tmp_path / "a.tif", "w", driver="GTiff", width=COLUMNS, height=ROWS, count=BANDS,
        dtype="int16", transform=rasterio.Affine(9, 0, 0, 0, -9, 0),
    ) as dataset:  # fmt: skip
        dataset.write(STORED.transpose(2, 0, 1))
        dataset.scales = [scale] * BANDS
        dataset.write_mask(mask)
    scene = read_scene(tmp_path / "a.tif")
    found, held = whole(scene), mask > 0
    assert_array_equal(np.isnan(found).all(-1), ~held)
    np.testing.assert_allclose(found[held], STORED[held] * scale, rtol=1e-6)
    samples = label_pixels(scene, read_labels(labels(tmp_path)))
    assert len(samples) == np.count_nonzero(LABELS[held])


def test_a_fourth_band_is_a_band_whatever_it_is_called(tmp_path: Path) -> None:
    stored = (STORED[..., :4] % 5).astype("uint8")
    path = tif(tmp_path / "a.tif", stored, [1] * 4, [0] * 4)
    with opened(path) as dataset:
        assert dataset.colorinterp[3].name == "alpha"
    scene = read_scene(path)
    assert scene.dtype == "uint8"
    assert_array_equal(whole(scene), stored)


def test_a_masked_label_is_none(tmp_path: Path) -> None:
    mask = np.full((ROWS, COLUMNS), 255, np.uint8)
    mask[:4] = 0
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(
        tmp_path / "gt.tif", "w", driver="GTiff", width=COLUMNS, height=ROWS, count=1,
        dtype="uint8", transform=rasterio.Affine(9, 0, 0, 0, -9, 0),
    ) as dataset:  # fmt: skip
        dataset.write(LABELS, 1)
        dataset.write_mask(mask)
    expected = np.where(mask > 0, LABELS, 0)
    assert_array_equal(read_labels(tmp_path / "gt.tif").labels, expected)


def test_a_band_of_nodata_alone_is_left_out_and_drawn_nowhere(tmp_path: Path) -> None:
    values = holes()
    values[..., 5] = NODATA
    scene = read_scene(tif(tmp_path / "a.tif", values, [1] * BANDS, [0] * BANDS, NODATA))
    samples = label_pixels(scene, read_labels(labels(tmp_path)))
    assert samples.left_out == (5,)
    assert len(samples) == np.count_nonzero(LABELS) - 2
    mean, _ = class_spectra(samples, range(len(samples)))
    assert np.isnan(mean[:, 5]).all()
    assert np.isfinite(mean[:, :5]).all()
    assert np.isfinite(three_bands(scene, (0, 1, 2), (5,))).all(-1).sum() == ROWS * COLUMNS - 2
    assert pixels_held(values, NODATA, (5,)).sum() == ROWS * COLUMNS - 2


def test_labels_are_names_whatever_the_scale(tmp_path: Path) -> None:
    stored = LABELS[..., None].copy()
    stored[0] = 9
    path = tif(tmp_path / "gt.tif", stored, [0.5], [3], nodata=9)
    expected = np.where(stored == 9, 0, stored)[..., 0]
    assert_array_equal(read_labels(path).labels, expected)
    assert_array_equal(np.squeeze(given(path)), stored[..., 0])  # a split's map, too


@pytest.mark.parametrize(
    ("fields", "scale", "offset"),
    [
        ({"data gain values": [0.5] * BANDS, "data offset values": [2.0] * BANDS}, 0.5, 2.0),
        ({"data offset values": [2.0] * BANDS}, 1.0, 2.0),
        ({"reflectance scale factor": 10000}, 1e-4, 0.0),
        ({"reflectance scale factor": 1}, 1.0, 0.0),
    ],
)
def test_gain_and_factor_of_envi(
    tmp_path: Path, fields: dict[str, Any], scale: float, offset: float
) -> None:
    metadata = {"data ignore value": NODATA, **fields}
    envi.save_image(str(tmp_path / "a.hdr"), holes(), metadata=metadata, ext="img")
    scene = read_scene(tmp_path / "a.hdr")
    expected = np.where(holes() == NODATA, np.nan, holes() * scale + offset)
    found = whole(scene)
    if scene.scaled:
        assert scene.dtype == "float32"
    else:
        found = np.where(found == NODATA, np.nan, found)
    assert bool(scene.scaled) == (scale != 1 or offset != 0)
    np.testing.assert_allclose(found, expected, rtol=1e-6)


@pytest.mark.parametrize("attributes", [{}, {"scale_factor": np.array([1e-4]), "add_offset": 0.25}])
def test_attributes_of_netcdf(tmp_path: Path, attributes: dict[str, Any]) -> None:
    with h5py.File(tmp_path / "a.nc", "w") as file:
        stored = file.create_dataset("reflectance", data=holes())
        stored.attrs["_FillValue"] = np.int16(NODATA)
        for key, value in attributes.items():
            stored.attrs[key] = value
        file.create_dataset("one", data=3.0).attrs["scale_factor"] = 2.0
        stored.attrs["long_name"] = "of the surface"
    scene = read_scene(tmp_path / "a.nc", bands_axis=2)
    expected = holes() * 1e-4 + 0.25 if attributes else holes()
    samples = label_pixels(scene, read_labels(labels(tmp_path)))
    assert len(samples) == np.count_nonzero(LABELS) - 2
    held = pixels_held(whole(scene), scene.nodata)
    np.testing.assert_allclose(whole(scene)[held], expected[held], rtol=1e-6)
    turned = read_scene(tmp_path / "a.nc", bands_axis=0)
    assert_array_equal(turned.block(slice(3), slice(2)), whole(scene)[:, :3, :2].transpose(1, 2, 0))


def test_each_page_has_its_own(tmp_path: Path) -> None:
    path = tif(tmp_path / "a.tif", holes(), SCALES, OFFSETS, NODATA)
    with rasterio.open(
        path, "w", driver="GTiff", width=8, height=9, count=BANDS, dtype="int16", nodata=7,
        APPEND_SUBDATASET="YES", transform=rasterio.Affine(30, 0, 0, 0, -30, 0),
    ) as dataset:  # fmt: skip
        dataset.write(STORED[:9, :8].transpose(2, 0, 1))
    assert read_scene(path, array="2").nodata == 7
    scene = read_scene(path, array="1")
    assert scene.scaled
    assert np.isnan(whole(scene)[3, 4]).all()
