import pickle
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
from scipy.io import savemat
from spectral.io import envi

from martlet.data.scenes.formats import read_contents
from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).integers(1, 200, (6, 5, 9)).astype("uint8")
PLACE = rasterio.Affine(30, 0, 500000, 0, -20, 4000000)


def write_all(
    folder: Path, values: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]"
) -> list[Path]:
    """One file of each format, all under names that say nothing."""
    cube = np.atleast_3d(values)
    np.save(folder / "a.npy", values)
    np.savez(folder / "a.npz", values=values)
    savemat(folder / "a.mat", {"values": values})
    with h5py.File(folder / "a.h5", "w") as file:
        file["values"] = values
    options = {"height": 6, "width": 5, "count": cube.shape[2], "dtype": "uint8"}
    with rasterio.open(
        folder / "a.tif", "w", driver="GTiff", crs="EPSG:32613", transform=PLACE, **options
    ) as dataset:
        dataset.write(cube.transpose(2, 0, 1))
    envi.save_image(str(folder / "b.hdr"), cube)
    found = []
    for name in ("a.npy", "a.npz", "a.mat", "a.h5", "a.tif"):
        (folder / name).rename(folder / f"{name[2:]}_scene")
        found.append(folder / f"{name[2:]}_scene")
    return [*found, folder / "b.img", folder / "b.hdr"]


def test_content_says_the_format(tmp_path: Path) -> None:
    for path in write_all(tmp_path, CUBE):
        scene = read_scene(path)
        np.testing.assert_array_equal(scene.block(slice(None), slice(None)), CUBE, str(path))
        assert scene.dtype == "uint8", path
        block = pickle.loads(pickle.dumps(scene)).block(slice(2, 3), slice(None))
        np.testing.assert_array_equal(block, CUBE[2:3], f"{path}, in another process")


def test_label_maps_in_every_format(tmp_path: Path) -> None:
    for path in write_all(tmp_path, CUBE[:, :, 0]):
        labels = read_labels(path)
        np.testing.assert_array_equal(labels.labels, CUBE[:, :, 0], str(path))
        assert labels.labels.dtype == "int32"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", r"is empty \(0 bytes\)"),
        (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS; run git lfs pull"),
        (b"\n<!DOCTYPE html><html>", "a web page; download"),
        (b"\x1f\x8b\x08\x00", "an archive; unpack"),
        (pickle.dumps([1]), "a pickle, which would run code"),
        (b"\x89PNG\r\n\x1a\n", "a picture"),
        (b"CDF\x01", "NetCDF 3"),
        (b"\x0e\x03\x13\x01", "HDF4"),
        (b"what is this", r"has none of the formats MATLAB .*such as 'a\.hdr'"),
    ],
)
def test_other_files_are_named(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "a.dat").write_bytes(content)
    with pytest.raises(MartletError, match=said):
        read_contents(tmp_path / "a.dat")


def test_what_is_no_file(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"does not exist; give one of MATLAB"):
        read_contents(tmp_path / "a.mat")
    with pytest.raises(MartletError, match="is no regular file"):
        read_contents(tmp_path)


@pytest.mark.parametrize(
    ("library", "name"), [("h5py", "h5_scene"), ("rasterio", "tif_scene"), ("spectral", "b.hdr")]
)
def test_a_library_that_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, library: str, name: str
) -> None:
    write_all(tmp_path, CUBE)
    monkeypatch.setitem(sys.modules, library, None)
    for module in [module for module in sys.modules if module.startswith(f"{library}.")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(MartletError, match=rf'read by {library}.*pip install "martlet\[scenes\]"'):
        read_scene(tmp_path / name)
    assert read_scene(tmp_path / "npy_scene").shape == (6, 5, 9)
