"""Weights that lie beside the ONNX file, and nowhere else.

A file and its data may both be links to one folder, as in a cache of downloads, where all of them
lie under other names.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import onnx
from onnx import TensorProto

from martlet.compiler.frontend.check_model import raw_bytes
from martlet.compiler.frontend.subgraphs import all_graphs
from martlet.errors import MartletError


def load_outside(model: onnx.ModelProto, path: Path) -> None:
    """Read external data of constants, which must lie in the folder of the file.

    Raises MartletError for paths that leave it, and for data that is missing or too short.
    """
    for tensor in _constants(model):
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        told = {item.key: item.value for item in tensor.external_data}
        what = f"{path}: the data of {tensor.name!r}"
        place = _place(path, told.get("location", ""), what)
        size = raw_bytes(tensor, what)
        start, length = _number(told.get("offset", "0")), _number(told.get("length", f"{size}"))
        if start is None or length != size or start + size > place.stat().st_size:
            raise MartletError(f"{what} is not whole: {size} bytes from {start} on are needed.")
        with place.open("rb") as file:
            file.seek(start)
            content = file.read(size)
        tensor.ClearField("external_data")
        tensor.data_location = TensorProto.DEFAULT
        tensor.raw_data = content


def _constants(model: onnx.ModelProto) -> Iterator[TensorProto]:
    for graph in all_graphs(model.graph):
        yield from graph.initializer


def _place(path: Path, location: str, what: str) -> Path:
    """The file, links followed.

    It lies in the folder of the ONNX file; when that is a link, also where it leads to.
    """
    folders = list(dict.fromkeys((path.parent.resolve(), path.resolve().parent)))
    missing = bool(location)
    for folder in folders if location else ():
        try:
            place = (folder / location).resolve()
            fits, is_file, exists = _inside(place, folders), place.is_file(), place.exists()
        except (OSError, ValueError, RuntimeError):
            fits = is_file = exists = False
        if fits and is_file:
            return place
        missing = missing and fits and not exists
    if missing:
        raise MartletError(
            f"{what} lies in {location!r}, which is missing: put that file into the folder of the "
            "ONNX file, under this name."
        )
    raise MartletError(
        f"{what} lies in {location!r}; accepted are files in the folder of the ONNX file."
    )


def _inside(place: Path, folders: Sequence[Path]) -> bool:
    return any(place.is_relative_to(folder) for folder in folders)


def _number(text: str) -> int | None:
    """A count of bytes, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
