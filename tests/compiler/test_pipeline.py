import json
from pathlib import Path

import onnx
import pytest

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.errors import MartletError


def damaged(tmp_path: Path, tiny: Path, how: str) -> Path:
    path = tmp_path / "bad.onnx"
    model = onnx.load(tiny)
    if how == "cut":
        path.write_bytes(tiny.read_bytes()[:2000])
    elif how == "operator":
        model.graph.node[0].op_type = "Convolution"
        onnx.save(model, path)
    elif how == "metadata":
        entry = model.metadata_props.add()
        entry.key, entry.value = "martlet", '{"classes": ["a"], "preprocess": {"size": "x"}}'
        onnx.save(model, path)
    return path


@pytest.mark.parametrize("how", ["missing", "cut", "operator", "metadata"])
@pytest.mark.parametrize("before", [False, True])
def test_an_error_leaves_everything_as_it_was(
    tmp_path: Path, tiny: Path, how: str, before: bool
) -> None:
    out = tmp_path / "deep" / "out"
    if before:
        compile_onnx(tiny, out, library=False, name="bad")
    contents = {path: path.read_bytes() for path in out.iterdir()} if before else {}
    with pytest.raises(MartletError):
        compile_onnx(damaged(tmp_path, tiny, how), out)
    assert out.exists() == before
    assert (tmp_path / "deep").exists() == before
    assert {path: path.read_bytes() for path in out.iterdir()} == contents if before else True


def test_a_full_or_closed_disk_is_one_sentence(tmp_path: Path, tiny: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MartletError, match="could not be written"):
        compile_onnx(tiny, tmp_path / "file" / "out", library=False)


def test_what_the_onnx_file_says_of_itself_is_kept(tiny: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny)
    meta = {"format": 1, "classes": ["a"], "note": "ä"}
    entry = model.metadata_props.add()
    entry.key, entry.value = "martlet", json.dumps(meta)
    onnx.save(model, tmp_path / "with.onnx")
    compile_onnx(tmp_path / "with.onnx", tmp_path / "out", library=False)
    assert CompiledNetwork(tmp_path / "out").description.meta == meta
    assert not (tmp_path / "out" / "with_picture.h").exists()  # it says no preprocess


def test_a_network_is_not_called_as_a_header_of_c(tiny: Path, tmp_path: Path) -> None:
    compile_onnx(tiny, tmp_path, name="stdint", library=False)
    assert (tmp_path / "stdint_net.h").is_file()
    assert not (tmp_path / "stdint.h").exists()


@pytest.mark.parametrize("system", ["wasm32", "x86-64-v3-windows"])
def test_threads_are_refused_where_there_are_none(tiny: Path, tmp_path: Path, system: str) -> None:
    with pytest.raises(MartletError, match="which has no POSIX threads; give 1"):
        compile_onnx(tiny, tmp_path, target=system, threads=2, library=False)
