import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import rasterio
from numpy.testing import assert_array_equal
from spectral.io import envi

from martlet.data.scenes.labels import read_labels
from martlet.data.scenes.scene import read_scene
from martlet.errors import MartletError

CUBE = np.random.default_rng(0).integers(0, 4000, (6, 5, 9)).astype("uint16")
AXES = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
FIELDS = "ENVI\nsamples = 5\nlines = 6\nbands = 9\ndata type = 12\n"


def by_hand(folder: Path, header: str, data: bytes, name: str = "a.img") -> Path:
    (folder / "a.hdr").write_text(header, encoding="utf-8")
    (folder / name).write_bytes(data)
    return folder / name


@pytest.mark.parametrize("interleave", AXES)
@pytest.mark.parametrize("order", [0, 1])
@pytest.mark.parametrize("dtype", ["uint16", "float32", "float64", "uint8", "int64"])
def test_what_spy_wrote(tmp_path: Path, interleave: str, order: int, dtype: str) -> None:
    values = CUBE.astype(dtype)
    envi.save_image(
        str(tmp_path / "a.hdr"), values, interleave=interleave, byteorder=order, dtype=dtype
    )
    for given in ("a.hdr", "a.img"):
        scene = read_scene(tmp_path / given)
        assert scene.shape == (6, 5, 9)
        assert scene.dtype == dtype
        block = scene.block(slice(1, 5), slice(2, 4))
        assert_array_equal(block, values[1:5, 2:4])
        assert block.dtype.isnative
        assert scene.path == tmp_path / given


@pytest.mark.parametrize("interleave", [None, *AXES])
@pytest.mark.parametrize("order", [None, "0", "1"])
@pytest.mark.parametrize("offset", [None, 77])
def test_fields_that_lack_and_bytes_in_front(
    tmp_path: Path, interleave: str | None, order: str | None, offset: int | None
) -> None:
    header = FIELDS
    header += f"interleave = {interleave.upper()}\n" if interleave else ""
    header += f"byte order = {order}\n" if order else ""
    header += f"header offset = {offset}\n" if offset else ""
    stored = CUBE.transpose(AXES[interleave or "bsq"])
    data = bytes(offset or 0) + stored.astype(">u2" if order == "1" else "<u2").tobytes()
    scene = read_scene(by_hand(tmp_path, header, data))
    assert_array_equal(scene.block(slice(None), slice(None)), CUBE)


@pytest.mark.parametrize("name", ["a", "a.img", "a.bsq", "a.DAT", "a.whatever"])
def test_data_of_any_suffix_is_found(tmp_path: Path, name: str) -> None:
    by_hand(tmp_path, FIELDS, CUBE.transpose(2, 0, 1).tobytes(), name)
    (tmp_path / "a.img.aux.xml").write_text("<x/>")
    (tmp_path / "ab.img").write_text("another one")
    for given in (name, "a.hdr"):
        assert_array_equal(read_scene(tmp_path / given).block(slice(1), slice(None)), CUBE[:1])


def test_a_header_named_after_the_whole_name(tmp_path: Path) -> None:
    data = by_hand(tmp_path, FIELDS, CUBE.transpose(2, 0, 1).tobytes())
    (tmp_path / "a.hdr").rename(tmp_path / "a.img.HDR")
    (tmp_path / "a.raw").write_text("of another header")
    for given in (data, tmp_path / "a.img.HDR"):
        assert read_scene(given).shape == (6, 5, 9)


def test_several_files_of_data_are_asked_about(tmp_path: Path) -> None:
    by_hand(tmp_path, FIELDS, CUBE.transpose(2, 0, 1).tobytes(), "a.raw")
    (tmp_path / "a.png").write_bytes(b"a quicklook")
    assert read_scene(tmp_path / "a.hdr").shape == (6, 5, 9)
    (tmp_path / "a.dat").write_bytes(b"")
    with pytest.raises(MartletError, match=r"2 files that may hold its values, 'a.dat', 'a.raw'"):
        read_scene(tmp_path / "a.hdr")
    (tmp_path / "a.dat").unlink()
    (tmp_path / "a.raw").unlink()
    (tmp_path / "a.png").unlink()
    with pytest.raises(MartletError, match=r"there is no file of values, such as 'a.img'"):
        read_scene(tmp_path / "a.hdr")


@pytest.mark.parametrize("there", [0, 100, 539])
def test_cut_short_has_both_numbers(tmp_path: Path, there: int) -> None:
    data = by_hand(tmp_path, FIELDS, bytes(540))
    assert read_scene(data).shape == (6, 5, 9)
    os.truncate(data, there)
    with pytest.raises(MartletError, match=f"cut short: {there} of 540 bytes"):
        read_scene(data)


METADATA: dict[str, Any] = {
    "wavelength": [0.4 + 0.2 * band for band in range(9)],
    "wavelength units": "Micrometers",
    "band names": [f"band {band}" for band in range(9)],
    "bbl": [1, 1, 0, 1, 1, 1, 1, 1, 0],
    "data ignore value": -9999,
    "map info": [
        *("UTM", "1", "1", "500000", "4000000", "30", "20", "13", "North", "WGS-84"),
        "units=Meters",
    ],
}


def test_what_the_header_says(tmp_path: Path) -> None:
    envi.save_image(str(tmp_path / "a.hdr"), CUBE, metadata=METADATA)
    scene = read_scene(tmp_path / "a.hdr")
    assert scene.wavelengths == pytest.approx([400 + 200 * band for band in range(9)])
    assert scene.band_names is not None
    assert scene.band_names[3] == "band 3"
    assert scene.bad_bands == (2, 8)
    assert scene.nodata == -9999
    assert scene.georeference is not None
    assert scene.georeference.transform == (30, 0, 500000, 0, -20, 4000000)
    assert rasterio.crs.CRS.from_wkt(scene.georeference.crs).to_epsg() == 32613
    assert scene.georeference.envi["map info"] == METADATA["map info"]


def test_coordinates_round_trip_through_the_header(tmp_path: Path) -> None:
    envi.save_image(str(tmp_path / "a.hdr"), CUBE, metadata=METADATA)
    first = read_scene(tmp_path / "a.hdr").georeference
    assert first is not None
    envi.save_image(str(tmp_path / "b.hdr"), CUBE[:, :, 0], metadata=dict(first.envi))
    assert read_scene(tmp_path / "b.hdr").georeference == first


def test_fields_that_do_not_fit_are_left_out(tmp_path: Path) -> None:
    header = FIELDS + "wavelength = {1, 2}\nband names = {a}\nbbl = {x}\nmap info = {odd}\n"
    scene = read_scene(by_hand(tmp_path, header, bytes(540)))
    assert scene.wavelengths is None
    assert scene.band_names is None
    assert scene.bad_bands == ()
    assert scene.georeference is not None
    assert (scene.georeference.crs, scene.georeference.transform) == (None, None)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1"])
def test_headers_of_any_encoding_and_case(tmp_path: Path, encoding: str) -> None:
    text = FIELDS.replace("samples", "Samples") + "wavelength = {"
    text += ", ".join(str(1 + band) for band in range(9))
    text += "}\nwavelength units = µm\n; a remark\n"
    data = by_hand(tmp_path, "", bytes(540))
    (tmp_path / "a.hdr").write_bytes(text.encode(encoding))
    assert read_scene(data).wavelengths == tuple(1000.0 * (1 + band) for band in range(9))


def test_names_in_any_script(tmp_path: Path) -> None:
    header = "ENVI\nsamples = 2\nlines = 1\nbands = 1\ndata type = 1\n"
    names = ["no", "玉米 \U0001f33d", r"C:\\new Größe \\u00b5"]
    data = by_hand(tmp_path, header + f"class names = {{{', '.join(names)}}}\n", bytes([1, 2]))
    assert read_labels(data).names == {1: names[1], 2: names[2]}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("lines = 6\n", ""), "lacks the field lines"),
        (("lines = 6", "lines = six"), "says lines = six"),
        (("bands = 9", "bands = 0"), "says bands = 0"),
        (("data type = 12\n", ""), "lacks the field data type; accepted: 1, 2, 3"),
        (("data type = 12", "data type = 7"), "says data type = 7"),
        (("ENVI\n", "ENVI\ninterleave = tiled\n"), "interleave = tiled; accepted: bsq, bil, bip"),
        (("ENVI\n", "ENVI\nbyte order = 2\n"), "byte order = 2; accepted: 0, 1"),
        (("ENVI\n", "ENVI\nheader offset = -1\n"), "header offset = -1"),
        (("ENVI\n", "ENVI\nfile type = ENVI Spectral Library\n"), "library of spectra"),
        (("ENVI\n", "ENVI\nfile type = TIFF\n"), "belongs to a TIFF"),
        (("ENVI\n", "ENVI\nfile compression = 1\n"), "is compressed"),
        (("ENVI\n", "ENVI\nmajor frame offsets = {4, 0}\n"), "frame offsets"),
        (("ENVI\n", "ENVI\ndescription = {never closed\n"), "cannot be read"),
        (("data type = 12", "data type = 6"), "complex.*is not read"),
    ],
)
def test_headers_that_are_refused(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    data = by_hand(tmp_path, FIELDS.replace(*change), bytes(6000))
    with pytest.raises(MartletError, match=said):
        read_scene(data)


def test_a_classification(tmp_path: Path) -> None:
    labels = (CUBE[:, :, 0] % 3).astype("uint8")
    envi.save_classification(
        str(tmp_path / "gt.hdr"),
        labels,
        class_names=["Unclassified", "Corn", "Woods"],
        class_colors=[(0, 0, 0), (255, 200, 0), (0, 100, 0)],
    )
    found = read_labels(tmp_path / "gt.hdr")
    assert_array_equal(found.labels, labels)
    assert found.names == {1: "Corn", 2: "Woods"}
    assert found.colours == {1: (255, 200, 0), 2: (0, 100, 0)}
    envi.save_image(str(tmp_path / "a.hdr"), CUBE)
    with pytest.raises(MartletError, match="has 9 bands; a label map has one"):
        read_labels(tmp_path / "a.hdr")
