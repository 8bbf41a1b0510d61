import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray

from martlet.compiler import CompiledNetwork, compile_onnx, profile_onnx
from martlet.errors import MartletError

Array = NDArray[np.float32]
Close = Callable[[Array, Array], None]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize(
    ("options", "files"),
    [
        ({}, ["tiny.bin", "tiny.so"]),
        ({"weights": "file"}, ["tiny.bin", "tiny.so"]),
        ({"weights": "text"}, ["tiny.so", "tiny_weights.h"]),
        ({"library": False}, ["tiny.bin"]),
    ],
)
def test_the_files_of_each_choice(
    tiny: Path,
    tmp_path: Path,
    close: Close,
    pair: tuple[Array, Array],
    options: dict[str, object],
    files: list[str],
) -> None:
    first = compile_onnx(tiny, tmp_path / "out", weights="text")
    net = compile_onnx(tiny, tmp_path / "out", **options)  # nothing of the first stays
    suffix = Path(str(first.description.library)).suffix
    expected = ["tiny.c", "tiny.h", "tiny.json", *(f.replace(".so", suffix) for f in files)]
    assert names(tmp_path / "out") == sorted(expected)
    if options.get("library", True):
        close(net(pair[0]), pair[1])
    else:
        with pytest.raises(MartletError, match="the sources of tiny alone"):
            net(pair[0])


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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"target": "armv9"}, "target 'armv9' is not known"),
        ({"weights": "flash"}, "weights 'flash' is not known; accepted: embedded, text, file"),
        ({"batch": 0}, "batch=0 is not accepted"),
        ({"shapes": {"z": (1, 3, 8, 8)}}, r"shape of 'z': the inputs are called 'x'"),
        ({"shapes": (1, 3, 8, 8)}, r"shapes=\(1, 3, 8, 8\) is not accepted; give sides by input"),
        ({"shapes": {"x": 5}}, "shape of 'x': 5 is not accepted; give whole numbers"),
        ({"shapes": {"x": (1, 3, 8.5, 8)}}, "is not accepted; give whole numbers"),
        ({"batch": 1.5}, r"batch=1.5 is not accepted; give 1 or more"),
        ({"batch": True}, "batch=True is not accepted"),
        ({"threads": "2"}, "threads='2' is not accepted; give 1 to 64"),
        ({"threads": [1] * 99}, "threads=a list is not accepted; give 1 to 64"),
        ({"batch": 10**30}, "the input 'x' has the impossible or too large size"),
        ({"shapes": {"x": (1, 3, 10**30, 8)}}, "the input 'x' has the impossible or too large"),
        ({"name": 5}, "name=5 is not accepted; give a name for files"),
        ({"name": ""}, "name='' is not accepted; give a name for files"),
        ({"target": None}, "target 'None' is not known"),
        ({"weights": []}, r"weights '\[\]' is not known"),
    ],
)
def test_bad_arguments_are_one_sentence(
    tmp_path: Path, tiny: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        compile_onnx(tiny, tmp_path / "out", library=False, **options)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("given", [5, None, b"a.onnx", "", "a\0b", onnx.ModelProto()])
def test_what_is_no_path_is_one_sentence(tiny: Path, tmp_path: Path, given: object) -> None:
    with pytest.raises(MartletError, match=r"model=.* is not accepted; give the path of an ONNX"):
        compile_onnx(given, tmp_path / "out")
    with pytest.raises(MartletError, match=r"out=.* is not accepted; give the path of a folder"):
        compile_onnx(tiny, given)


def test_numbers_of_numpy(tiny: Path, tmp_path: Path) -> None:
    sides = {"x": np.array([1, 3, 20, 24])}
    one = np.int64(1)
    net = compile_onnx(tiny, tmp_path, batch=one, threads=one, shapes=sides, library=False)
    assert net.description.inputs == {"x": (1, 3, 20, 24)}


def test_a_shape_without_a_name_is_the_only_inputs(tiny: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny)
    for axis, side in ((2, "H"), (3, "W")):
        model.graph.input[0].type.tensor_type.shape.dim[axis].dim_param = side
    onnx.save(model, tmp_path / "open.onnx")
    with pytest.raises(MartletError, match="--shape"):
        compile_onnx(tmp_path / "open.onnx", tmp_path / "out", library=False)
    net = compile_onnx(
        tmp_path / "open.onnx", tmp_path / "out", library=False, shapes={"": (1, 3, 20, 24)}
    )
    assert net.description.inputs == {"x": (1, 3, 20, 24)}


def test_what_the_onnx_file_says_of_itself_is_kept(tiny: Path, tmp_path: Path) -> None:
    model = onnx.load(tiny)
    meta = {"format": 1, "classes": ["a"], "note": "ä"}
    entry = model.metadata_props.add()
    entry.key, entry.value = "martlet", json.dumps(meta)
    onnx.save(model, tmp_path / "with.onnx")
    compile_onnx(tmp_path / "with.onnx", tmp_path / "out", library=False)
    assert CompiledNetwork(tmp_path / "out").description.meta == meta
    assert not (tmp_path / "out" / "with_picture.h").exists()  # it says no preprocess


@pytest.mark.parametrize("ending", [".c", ".h", ".bin", ".json", "_picture.h", ".wasm"])
def test_files_of_others_are_not_lost(tiny: Path, tmp_path: Path, ending: str) -> None:
    mine = tmp_path / f"tiny{ending}"
    mine.write_text("mine")
    with pytest.raises(MartletError, match="was not made by martlet and would be lost"):
        compile_onnx(tiny, tmp_path, name="tiny", library=False)
    assert [path.name for path in tmp_path.iterdir()] == [mine.name]
    assert mine.read_text() == "mine"


def test_a_network_is_not_called_as_a_header_of_c(tiny: Path, tmp_path: Path) -> None:
    compile_onnx(tiny, tmp_path, name="stdint", library=False)
    assert (tmp_path / "stdint_net.h").is_file()
    assert not (tmp_path / "stdint.h").exists()


@pytest.mark.parametrize("system", ["wasm32", "x86-64-v3-windows"])
def test_threads_are_refused_where_there_are_none(tiny: Path, tmp_path: Path, system: str) -> None:
    with pytest.raises(MartletError, match="which has no POSIX threads; give 1"):
        compile_onnx(tiny, tmp_path, target=system, threads=2, library=False)


@pytest.mark.parametrize("target", ["native", "portable"])
def test_every_layer_is_timed(tiny: Path, target: str) -> None:
    found = profile_onnx(tiny, target=target, seconds=0.05)
    net = [layer for layer in found.layers if layer.name == "a/b"]
    assert [layer.macs for layer in net] == [8 * 8 * 120]
    assert found.peak_gflops > 0
    assert found.macs == sum(layer.macs for layer in found.layers) > 0
    assert all(layer.milliseconds >= 0 for layer in found.layers)
    assert 0 < found.gflops < 2 * found.peak_gflops
    x, y, weights = 4 * 8 * 120, 4 * 8 * 120, 4 * (8 * 8 + 8)
    assert x + y + weights <= net[0].bytes <= 3 * (x + y + weights)


def test_layers_of_other_machines_are_not_timed(tiny: Path) -> None:
    with pytest.raises(MartletError, match="does not run here"):
        profile_onnx(tiny, target="wasm32")
