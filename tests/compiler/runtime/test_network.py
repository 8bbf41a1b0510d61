import copy
import ctypes
import json
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.graphs import Pair, close

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.errors import MartletError


def test_loaded_later_it_gives_the_same(folder: Path, pair: Pair) -> None:
    net = CompiledNetwork(folder)
    assert net.description.inputs == {"x": (1, 3, 20, 24)}
    assert net.description.outputs == {"y": (1, 10)}
    assert "tiny" in repr(net)
    close(net(pair[0]), pair[1])


def test_two_threads_at_once(folder: Path) -> None:
    net = CompiledNetwork(folder)
    random = np.random.default_rng(3)
    batches = [random.standard_normal((40, 3, 20, 24)).astype(np.float32) for _ in range(2)]
    alone = [net(batch) for batch in batches]
    with ThreadPoolExecutor(2) as threads:
        together = threads.map(lambda batch: [net(batch) for _ in range(10)], batches)
    for expected, found in zip(alone, together, strict=True):
        for answer in found:
            np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize("folder_", [5, None, b"x", "", "a\0b", ["a"]])
def test_a_folder_that_is_no_path_is_one_sentence(folder_: object) -> None:
    with pytest.raises(MartletError, match=r"folder=.* is not accepted; give a path"):
        CompiledNetwork(folder_)
    with pytest.raises(MartletError, match="name=5 is not accepted; give text or None"):
        CompiledNetwork("folder", 5)


def pickled(net: CompiledNetwork) -> CompiledNetwork:
    return pickle.loads(pickle.dumps(net))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy, pickled])
def test_a_copy_is_read_from_the_same_folder(
    copied: Path,
    pair: Pair,
    monkeypatch: pytest.MonkeyPatch,
    again: Callable[[CompiledNetwork], CompiledNetwork],
) -> None:
    monkeypatch.chdir(copied.parent)
    net = CompiledNetwork(copied.name, "tiny")
    other = again(net)
    assert other.description == net.description
    np.testing.assert_array_equal(other(pair[0]), net(pair[0]))
    written = pickle.dumps(net)
    monkeypatch.chdir("/")  # another process may be elsewhere
    assert pickle.loads(written).folder == copied.resolve()
    shutil.rmtree(copied)
    with pytest.raises(MartletError, match="holds no compiled network"):
        pickle.loads(written)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"format": 2}, "format 2, made by a newer martlet"),
        ({"inputs": 3}, "damaged"),
        ({"workspace_bytes": -1}, "damaged"),
        ({"weight_bytes": "a"}, "damaged"),
        ({"lanes": None}, "damaged"),
        ({"library": 5}, "damaged"),
        ({"library_bytes": 5}, "is damaged; `martlet compile` makes it again"),
        ({"library_fingerprint": "0"}, "is damaged; `martlet compile` makes it again"),
        ({"machine": "vax"}, r"which does not run here"),
        ({"system": "plan9"}, r"which does not run here"),
        ({"lanes": 64}, "vectors of 64 floats"),
        ({"library": None}, "holds the sources of tiny alone"),
        ({"library": "../other.so"}, "is missing"),
        ({"library": "nothing.so"}, "is missing"),
        ({"name": "other"}, "holds no other"),
        ({"name": ["a"]}, "holds no "),
        ({"workspace_bytes": 16}, "tiny.json does not describe tiny.*their sizes differ; compile"),
        ({"workspace_bytes": 10**30}, "their sizes differ"),
        ({"weight_bytes": 64}, "their sizes differ"),
        ({"lanes": 1}, "their sizes differ"),
        ({"inputs": {}}, "their sizes differ"),
        ({"inputs": {"x": [1, 3, 20, 23]}}, "their sizes differ"),
        ({"inputs": {"x": [1, 3, 480]}}, "their sizes differ"),
        ({"inputs": {"x": [1, 3, 20, 24], "z": [1]}}, "their sizes differ"),
        ({"inputs": {"x": [1, 3, -20, -24]}}, "their sizes differ"),
        ({"inputs": {"x": [[1]]}}, "damaged"),
        ({"outputs": {}}, "tiny.json has no outputs; `martlet compile` makes it again"),
        ({"outputs": {"y": [10]}}, "their sizes differ"),
        ({"outputs": {"y": [1, 10**30]}}, "their sizes differ"),
        ({"weights": "file"}, "their sizes differ"),
    ],
)
def test_a_folder_that_does_not_fit(
    copied: Path, pair: Pair, change: dict[str, object], sentence: str
) -> None:
    path = copied / "tiny.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(MartletError, match=sentence):
        CompiledNetwork(copied)(pair[0])


def test_the_library_says_its_own_sizes(folder: Path) -> None:
    about = CompiledNetwork(folder).description
    loaded = ctypes.CDLL(str(folder / str(about.library)))
    numbers = list((ctypes.c_ulonglong * 15).in_dll(loaded, "tiny_sizes"))
    assert numbers == about.sizes
    sides = [4, 1, 3, 20, 24, 2, 1, 10]  # of the input and the output, each behind its axes
    assert numbers == [15, 1, 1, *sides, about.workspace_bytes, about.weight_bytes, about.lanes, 0]


def test_weights_of_another_network_are_not_taken(tiny: Path, tmp_path: Path) -> None:
    compile_onnx(tiny, tmp_path, weights="file")
    weights = tmp_path / "tiny.bin"
    weights.write_bytes(bytes(weights.stat().st_size))
    with pytest.raises(MartletError, match="holds other weights; compile it again"):
        CompiledNetwork(tmp_path)


def test_it_runs_where_there_is_neither_onnx_nor_torch(folder: Path) -> None:
    program = (
        "import sys\n"
        "from martlet import CompiledNetwork\n"
        f"net = CompiledNetwork({str(folder)!r})\n"
        "import numpy\n"
        "assert net(numpy.zeros((1, 3, 20, 24), 'f')).shape == (1, 10)\n"
        "assert not {'onnx', 'torch', 'onnxruntime'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
