"""Scenes and label maps of every format, mutated with a fixed seed: a sentence or an answer.

From the file to what a network is given, and to what is drawn of it; nothing is printed.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import rasterio
from numpy.typing import NDArray
from scipy.io import savemat
from spectral.io import envi
from tests.mutated import Counts, mutated_bytes

from martlet.data.scenes.labels import LabelMap, read_labels
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.regions import split_pixels
from martlet.data.scenes.samples import label_pixels
from martlet.data.scenes.scene import Scene, read_scene
from martlet.data.scenes.summaries import class_spectra, three_bands

ROWS, COLUMNS, BANDS = 12, 10, 7
CUBE = np.random.default_rng(0).integers(1, 2000, (ROWS, COLUMNS, BANDS)).astype(np.int16)
LABELS = np.repeat([1] * 5 + [0] * 2 + [3] * 5, COLUMNS).reshape(ROWS, COLUMNS).astype(np.uint8)
NM = np.linspace(400, 900, BANDS)
HEADER: dict[str, Any] = {
    "wavelength": [str(nm) for nm in NM],
    "wavelength units": "nm",
    "bbl": ["1"] * BANDS,
    "map info": ["UTM", "1", "1", "500000", "4000000", "30", "30", "13", "North", "WGS-84"],
    "band names": list("abcdefg"),
}
PLACE = rasterio.Affine(30, 0, 500000, 0, -20, 4000000)
Files = dict[str, list[Path]]  # by format: one file, or an ENVI header and its data


def write_hdf5(path: Path, name: str, values: NDArray[Any], matlab: bool = False) -> None:
    with h5py.File(path, "w", userblock_size=512 if matlab else 0) as file:
        shown = values.T if matlab else values
        dataset = file.create_dataset(name, data=shown, chunks=True, compression="gzip")
        file["wavelengths"] = NM
        if matlab:
            dataset.attrs["MATLAB_class"] = np.bytes_("int16")
    if matlab:
        with path.open("r+b") as raw:
            raw.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\0\2IM")


def write_tiff(path: Path, values: NDArray[Any], **options: Any) -> None:
    planes = np.atleast_3d(values).transpose(2, 0, 1)
    sides = {"height": ROWS, "width": COLUMNS, "count": len(planes), "dtype": values.dtype}
    place = {"crs": "EPSG:32613", "transform": PLACE}
    with rasterio.open(path, "w", driver="GTiff", **sides, **place, **options) as dataset:
        dataset.write(planes)
        dataset.set_band_description(1, "first")
        if len(planes) == 1:
            dataset.write_colormap(1, {1: (1, 2, 3, 255)})


def write_scenes(folder: Path) -> Files:
    arrays = {"scene": CUBE, "wavelengths": NM, "names": np.array(["a", "b"], object)}
    np.save(folder / "c.npy", CUBE)
    np.savez(folder / "c.npz", scene=CUBE, wavelengths=NM)
    savemat(folder / "c.mat", arrays)
    savemat(folder / "cz.mat", arrays, do_compression=True)
    write_hdf5(folder / "c.h5", "group/scene", CUBE)
    write_hdf5(folder / "c73.mat", "scene", CUBE, matlab=True)
    write_tiff(folder / "c.tif", CUBE, nodata=-1)
    write_tiff(folder / "cb.tif", CUBE, compress="deflate", BIGTIFF="YES")
    for interleave in ("bsq", "bil", "bip"):
        path = folder / f"{interleave}.hdr"
        envi.save_image(str(path), CUBE, interleave=interleave, metadata=HEADER)
    return found(folder)


def write_labels(folder: Path) -> Files:
    np.save(folder / "g.npy", LABELS)
    np.savez_compressed(folder / "g.npz", gt=LABELS)
    savemat(folder / "g.mat", {"gt": LABELS.astype(float)})
    savemat(folder / "g4.mat", {"gt": LABELS.astype(float)}, format="4")
    write_hdf5(folder / "g.h5", "gt", LABELS)
    write_tiff(folder / "g.tif", LABELS)
    names, colours = ["no", "a", "b", "c"], [(0, 0, 0), (1, 2, 3), (4, 5, 6), (7, 8, 9)]
    path = str(folder / "g.hdr")
    envi.save_classification(path, LABELS, class_names=names, class_colors=colours)
    return found(folder)


def found(folder: Path) -> Files:
    files: Files = {}
    for path in sorted(folder.iterdir()):
        name = path.stem + ".envi" if path.suffix in (".hdr", ".img") else path.name
        files.setdefault(name, []).append(path)
    return files


def through(scene: Scene, labels: LabelMap) -> None:
    """What training makes of them before its first step."""
    samples = label_pixels(scene, labels)
    split = split_pixels(labels.labels, window=3, train_share=0.2, names=labels.names)
    flat = samples.rows * labels.shape[1] + samples.columns
    training = np.flatnonzero(np.isin(flat, split.indices("train"))).tolist()
    fitted = samples.fit(ScenePreprocess(3, 2), training)
    assert fitted.preprocess is not None
    windows = np.stack([fitted[i] for i in range(len(fitted))])
    assert np.isfinite(fitted.preprocess.normalise(windows)).all()
    three_bands(scene, (0, 0, 0), left_out=samples.left_out)
    class_spectra(samples, training)


def mutate(
    files: Files, folder: Path, count: int, verb: Callable[[Path], None], what: str
) -> Counts:
    counts = Counts()
    for seed in range(count):
        draw = random.Random(seed)
        paths = files[sorted(files)[seed % len(files)]]
        changed = draw.choice(paths)
        for path in paths:
            raw = path.read_bytes()
            raw = mutated_bytes(raw, draw) if path == changed else raw
            (folder / path.name).write_bytes(raw)
        given = folder / draw.choice(paths).name
        counts.try_out(lambda given=given: verb(given))
    counts.show(what)
    return counts


def printed(capfd: pytest.CaptureFixture[str]) -> tuple[int, list[str]]:
    """How many lines of our own, and what else; libtiff itself prints that it cannot seek."""
    out, err = capfd.readouterr()
    others = [line for line in err.splitlines() if not line.startswith("_tiffSeekProc: ")]
    return out.count("\n"), others


COUNTS = [20, pytest.param(4000, marks=pytest.mark.long)]


@pytest.mark.parametrize("count", COUNTS)
def test_scenes(tmp_path: Path, count: int, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good").mkdir()
    files = write_scenes(tmp_path / "good")
    np.save(tmp_path / "gt.npy", LABELS)
    labels = read_labels(tmp_path / "gt.npy")
    for paths in files.values():
        for path in paths:
            scene = read_scene(path)
            np.testing.assert_array_equal(scene.block(slice(None), slice(None)), CUBE, str(path))
            through(scene, labels)
    counts = mutate(
        files, tmp_path, count, lambda path: through(read_scene(path), labels), "scenes"
    )
    assert min(counts.ends.values()) > count // 10
    assert printed(capfd) == (1, [])


@pytest.mark.parametrize("count", COUNTS)
def test_label_maps(tmp_path: Path, count: int, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "good").mkdir()
    files = write_labels(tmp_path / "good")
    np.save(tmp_path / "scene.npy", CUBE)
    scene = read_scene(tmp_path / "scene.npy")
    for paths in files.values():
        for path in paths:
            np.testing.assert_array_equal(read_labels(path).labels, LABELS, str(path))
    counts = mutate(files, tmp_path, count, lambda path: through(scene, read_labels(path)), "maps")
    assert min(counts.ends.values()) > count // 20
    assert printed(capfd) == (1, [])


VALUES: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    **{name: lambda cube, name=name: cube.astype(name) for name in ("f2", ">f8", "g", "i8", ">i2")},
    "uint64": lambda cube: cube.astype("u8") * 10**15,
    "some NaN": lambda cube: np.where(cube < 100, np.nan, cube),
    "a band of NaN": lambda cube: np.where(np.arange(BANDS) == 2, np.nan, cube),
    "columns first": lambda cube: np.asfortranarray(cube),
    "large": lambda cube: cube * np.float32(1e34),
    "offset": lambda cube: cube + 1e12,
}
REFUSED: dict[str, Callable[[NDArray[Any]], NDArray[Any]]] = {
    **{
        name: lambda cube, name=name: cube.astype(name) for name in ("c8", "U9", "S9", "?", "M8[s]")
    },
    **{f"{x:g}": lambda cube, x=x: np.full(cube.shape, x) for x in (np.nan, np.inf, 0, 1e300)},
    "squares too large": lambda cube: cube * 1e200,
    "fill": lambda cube: np.where(cube < 20, -1.7976e308, cube),
    "no rows": lambda cube: cube[:0],
    "a plane": lambda cube: cube[0],
    "other sides": lambda cube: cube[1:],
}


def write_pair(folder: Path, values: NDArray[Any]) -> tuple[Path, LabelMap]:
    np.save(folder / "scene.npy", values)
    np.save(folder / "gt.npy", LABELS)
    return folder / "scene.npy", read_labels(folder / "gt.npy")


@pytest.mark.parametrize("name", VALUES)
def test_values_of_any_type(tmp_path: Path, name: str) -> None:
    path, labels = write_pair(tmp_path, VALUES[name](CUBE))
    through(read_scene(path), labels)


@pytest.mark.parametrize("name", REFUSED)
def test_values_that_are_no_scene(tmp_path: Path, name: str) -> None:
    path, labels = write_pair(tmp_path, REFUSED[name](CUBE))
    counts = Counts()
    counts.try_out(lambda: through(read_scene(path), labels))
    assert counts.ends["sentence"] == 1
