from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto
from tests.compiler.graphs import shuffle_unit

from martlet.compiler.frontend.importer import load, read_model
from martlet.errors import MartletError


def _outside(tmp_path: Path, location: str, **more: str) -> Path:
    """A file whose constant `w` keeps its data at `location`."""
    folder = tmp_path / "net"
    folder.mkdir()
    model = shuffle_unit()
    tensor = next(item for item in model.graph.initializer if item.name == "w")
    (folder / "w.bin").write_bytes(b"pad!" + tensor.raw_data)
    (tmp_path / "secret").write_bytes(tensor.raw_data)
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, **more}.items():
        entry = tensor.external_data.add()
        entry.key, entry.value = key, value
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def test_data_beside_the_file_are_read(tmp_path: Path) -> None:
    graph = read_model(load(_outside(tmp_path, "w.bin", offset="4")))
    np.testing.assert_array_equal(graph.constants["w"], read_model(shuffle_unit()).constants["w"])


def test_a_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(MartletError, match=r"'w' lies in 'w\.data', which is missing: put"):
        read_model(load(_outside(tmp_path, "w.data")))


def test_links_to_one_folder_of_a_cache(tmp_path: Path) -> None:
    """As a hub's cache has them: a snapshot's names, links to what is named by a hash."""
    path = _outside(tmp_path, "w.data", offset="4")
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshots" / "1a2b" / "onnx"
    blobs.mkdir()
    snapshot.mkdir(parents=True)
    for name, source, blob in (("a.onnx", path, "aa"), ("w.data", path.parent / "w.bin", "bb")):
        (blobs / blob).write_bytes(source.read_bytes())
        (snapshot / name).symlink_to(f"../../../blobs/{blob}")
    expected = read_model(shuffle_unit()).constants["w"]
    found = read_model(load(snapshot / "a.onnx")).constants["w"]
    np.testing.assert_array_equal(found, expected)
    (snapshot / "w.data").unlink()
    with pytest.raises(MartletError, match=r"'w\.data', which is missing"):
        load(snapshot / "a.onnx")
    (snapshot / "w.data").symlink_to(tmp_path / "secret")  # it leaves the cache
    with pytest.raises(MartletError, match="accepted are files in the folder"):
        load(snapshot / "a.onnx")


@pytest.mark.parametrize("location", ["../secret", "/etc/passwd", "", "link", "a\0b", "."])
def test_data_elsewhere_are_not(tmp_path: Path, location: str) -> None:
    path = _outside(tmp_path, location)
    (path.parent / "link").symlink_to(tmp_path / "secret")
    with pytest.raises(MartletError, match="accepted are files in the folder"):
        read_model(load(path))


@pytest.mark.parametrize(
    "more", [{"offset": "8"}, {"offset": "999999999"}, {"offset": "4", "length": "4"}]
)
def test_data_must_be_whole(tmp_path: Path, more: dict[str, str]) -> None:
    with pytest.raises(MartletError, match=r"'w' is not whole: 1152 bytes from \d+ on are needed"):
        read_model(load(_outside(tmp_path, "w.bin", **more)))


@pytest.mark.parametrize("key", ["offset", "length"])
@pytest.mark.parametrize("said", ["-16", "x", "1e3", "9" * 16])
def test_places_of_data_are_counts(tmp_path: Path, key: str, said: str) -> None:
    with pytest.raises(MartletError, match="is not whole"):
        read_model(load(_outside(tmp_path, "w.bin", **{key: said})))
