"""ENVI: a header of text (.hdr) through SPy, and a file of values that stays on the disk."""

import warnings
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from math import prod
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from martlet.data.scenes.contents import Colour, Contents, Georeference, StoredArray, type_of
from martlet.data.scenes.scaled import scaled
from martlet.data.scenes.values import OnDemand, check_bytes, damaged, library, mapped_part
from martlet.data.scenes.wavelengths import in_nm
from martlet.errors import MartletError

Header = Mapping[str, str | list[str]]

# Order of the axes in the file, by number: 0 rows (lines), 1 columns (samples), 2 bands.
INTERLEAVES = {"bsq": (2, 0, 1), "bil": (0, 2, 1), "bip": (0, 1, 2)}
DEFAULTS = {"interleave": "bsq", "byte order": "0", "header offset": "0"}
STARTS = (b"ENVI", b"\xef\xbb\xbfENVI")  # of headers; some editors put a mark of UTF-8 in front
# Suffixes of data; among several files of the header's name one with such a suffix is meant.
DATA_SUFFIXES = ("", ".img", ".dat", ".raw", ".bin", ".bsq", ".bil", ".bip", ".hyspex")
GEOREFERENCE = (
    *("map info", "projection info", "coordinate system string"),
    *("geo points", "pixel size"),
)
_FRAMES = ("major frame offsets", "minor frame offsets")


def header_beside(data: Path) -> Path | None:
    """The ENVI header of a file of values: scene.hdr or scene.img.hdr of scene.img."""
    for name in (f"{data.name}.hdr", f"{data.stem}.hdr"):
        for path in (data.with_name(name), data.with_name(f"{name[:-4]}.HDR")):
            if path != data and path.is_file():
                with path.open("rb") as file:
                    if file.read(8).startswith(STARTS):
                        return path
    return None


def envi_contents(header_path: Path, data: Path | None, given: Path) -> Contents:
    """The one array of an ENVI file: rows, columns, bands. Raises MartletError.

    data: of the values; None looks for it beside the header.
    """
    header = {**DEFAULTS, **_header(header_path)}
    _check_supported(header, header_path)
    data = data or _data_beside(header_path)
    sides = [_whole(header, key, header_path) for key in ("lines", "samples", "bands")]
    dtype = _dtype(header, header_path)
    order = INTERLEAVES[_text(header, "interleave").lower()]
    offset = _whole(header, "header offset", header_path, least=0)
    check_bytes(data, offset + prod(sides) * dtype.itemsize)
    shape = tuple(sides[axis] for axis in order)
    axes = tuple(order.index(axis) for axis in range(3))
    plain = OnDemand(shape, dtype, partial(mapped_part, data, dtype, shape, offset, "C"), axes)
    bands = sides[2]
    nodata = next(iter(_numbers(header, "data ignore value")), None)
    values = scaled(plain, *_scale_and_offset(header, bands), nodata, axis=2)
    what, numbers = type_of(dtype)
    stored = StoredArray(data.name, values.shape, what, numbers, lambda: values, nodata)
    names = _list(header, "band names")
    lookup = _numbers(header, "class lookup")
    lookup = lookup if all(0 <= value <= 255 for value in lookup) else []
    return Contents(
        given,
        (stored,),
        axes_known=True,
        wavelengths=_wavelengths(header, bands),
        band_names=tuple(names) if len(names) == bands else None,
        bad_bands=tuple(
            band for band, good in enumerate(_numbers(header, "bbl")[:bands]) if not good
        ),
        georeference=_georeference(header, data),
        class_names=dict(enumerate(_list(header, "class names"))),
        colours={
            value: _colour(lookup[3 * value : 3 * value + 3]) for value in range(len(lookup) // 3)
        },
    )


def _header(path: Path) -> Header:
    """The fields of a header, names in small letters, as SPy reads them."""
    library("spectral.io.envi")
    raw = path.read_bytes()
    try:
        if raw.isascii():
            return _fields(path)
        # SPy takes the locale's encoding, and stops at "µm" in another one: it gets ASCII, escaped.
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "header.hdr"
            text = _decoded(raw).replace("\\", r"\\")
            copy.write_bytes(text.encode("ascii", "backslashreplace"))
            fields = _fields(copy)
        return {
            key: _unescaped(said) if isinstance(said, str) else [_unescaped(text) for text in said]
            for key, said in fields.items()
        }
    except Exception as error:
        raise damaged(path, error) from error


def _unescaped(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _fields(path: Path) -> Header:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # of names with capital letters
        return dict(library("spectral.io.envi").read_envi_header(str(path)))


def _decoded(raw: bytes) -> str:
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


def _check_supported(header: Header, path: Path) -> None:
    kind = _text(header, "file type").lower()
    if "library" in kind:
        raise MartletError(f"file {str(path)!r} is a library of spectra, no scene.")
    if "tiff" in kind:
        raise MartletError(f"file {str(path)!r} belongs to a TIFF file; give that one.")
    if any(any(_numbers(header, key)) for key in _FRAMES):
        raise MartletError(
            f"file {str(path)!r} has frame offsets, which are not read; write it without them."
        )
    if any(_numbers(header, "file compression")):
        raise MartletError(f"file {str(path)!r} is compressed, which is not read; unpack it.")
    interleave = _text(header, "interleave")
    if interleave.lower() not in INTERLEAVES:
        raise MartletError(
            f"file {str(path)!r} says interleave = {interleave}; "
            f"accepted: {', '.join(INTERLEAVES)}."
        )
    if _text(header, "byte order") not in ("0", "1"):
        raise MartletError(
            f"file {str(path)!r} says byte order = {_text(header, 'byte order')}; accepted: 0, 1."
        )


def _data_beside(header: Path) -> Path:
    """The values of a header: the one file of its name."""
    name = header.name[: -len(header.suffix)] if header.suffix.lower() == ".hdr" else header.name
    others = sorted(
        path
        for path in header.parent.iterdir()
        if name in (path.name, path.stem) and path.suffix.lower() != ".hdr" and path.is_file()
    )
    usual = [path for path in others if path.name == name or path.suffix.lower() in DATA_SUFFIXES]
    found = usual or others
    if len(found) == 1:
        return found[0]
    if not found:
        raise MartletError(
            f"beside the header {str(header)!r} there is no file of values, such as "
            f"{name + '.img'!r}; give the file of values itself."
        )
    raise MartletError(
        f"beside the header {str(header)!r} there are {len(found)} files that may hold its values, "
        f"{', '.join(repr(path.name) for path in found[:5])}; give the one that is meant."
    )


def _dtype(header: Header, path: Path) -> "np.dtype[np.generic]":
    types = library("spectral.io.envi").envi_to_dtype
    number = _text(header, "data type")
    if number not in types:
        said = f"says data type = {number}" if number else "lacks the field data type"
        raise MartletError(f"file {str(path)!r} {said}; accepted: {', '.join(types)}.")
    dtype = np.dtype(types[number])
    return dtype.newbyteorder(">" if _text(header, "byte order") == "1" else "<")


def _whole(header: Header, key: str, path: Path, least: int = 1) -> int:
    text = _text(header, key)
    if not text.isdecimal() or int(text) < least:
        said = f"says {key} = {text}" if text else f"lacks the field {key}"
        raise MartletError(f"file {str(path)!r} {said}; a whole number from {least} on is needed.")
    return int(text)


def _text(header: Header, key: str) -> str:
    found = header.get(key, "")
    return (found if isinstance(found, str) else ", ".join(found)).strip()


def _list(header: Header, key: str) -> list[str]:
    found = header.get(key, [])
    return [found] if isinstance(found, str) else list(found)


def _numbers(header: Header, key: str) -> list[float]:
    """The field's numbers; none where something else stands among them."""
    try:
        return [float(text) for text in _list(header, key) if text]
    except ValueError:
        return []


def _wavelengths(header: Header, bands: int) -> tuple[float, ...] | None:
    found = _numbers(header, "wavelength")
    unit = _text(header, "wavelength units")
    return in_nm(found, unit) if len(found) == bands else None


def _scale_and_offset(header: Header, bands: int) -> tuple[list[float], list[float]]:
    """Of each band: its gain and offset, or else what divides all to reflectance of 0 to 1."""
    gains, offsets = (_numbers(header, f"data {what} values") for what in ("gain", "offset"))
    if len(gains) == bands or len(offsets) == bands:
        return (
            gains if len(gains) == bands else [1.0] * bands,
            offsets if len(offsets) == bands else [0.0] * bands,
        )
    factor = next(iter(_numbers(header, "reflectance scale factor")), 0.0)
    return [1 / factor if factor else 1.0] * bands, [0.0] * bands


def _colour(values: list[float]) -> Colour:
    red, green, blue = (int(value) for value in values)
    return red, green, blue


def _georeference(header: Header, data: Path) -> Georeference | None:
    """The header's own fields, and what GDAL makes of them."""
    fields = {key: header[key] for key in GEOREFERENCE if key in header}
    if not fields:
        return None
    from martlet.data.scenes.geotiff import georeference, opened

    library("rasterio")  # where it is missing that is said
    found = None
    with suppress(MartletError), opened(data, "ENVI") as dataset:  # GDAL asks more of a header
        found = georeference(dataset)
    return replace(found or Georeference(), envi=fields)
