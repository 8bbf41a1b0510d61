"""Several threads share a run: the same numbers, whoever calls and whenever."""

import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from swiftlet.compiler import CompiledNetwork, compile_onnx
from swiftlet.compiler.bands import parts
from swiftlet.compiler.make import make_program
from swiftlet.compiler.targets import native
from swiftlet.errors import SwiftletError
from swiftlet.exporting import export_onnx
from swiftlet.models import create_model

NETWORKS = ("shufflenet_v2_x0_5", "shufflenet_v1_g3_x0_5", "mobilenet_v2_x0_35")


def onnx_file(name: str, folder: Path) -> Path:
    torch.manual_seed(0)
    model = create_model(name, num_classes=7)
    with torch.no_grad():
        model(torch.randn(4, 3, 64, 64))
    path = folder / f"{name}.onnx"
    export_onnx(model, path, preprocess=None, shape=(3, 160, 160), classes=list("abcdefg"))
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("threads")


@pytest.fixture(scope="module", params=NETWORKS)
def networks(request: pytest.FixtureRequest, folder: Path) -> list[CompiledNetwork]:
    """One network for one, two and three threads."""
    path = onnx_file(request.param, folder)
    return [compile_onnx(path, folder / f"{request.param}{n}", threads=n) for n in (1, 2, 3)]


def pictures(count: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((count, 3, 160, 160), np.float32)


def test_same_numbers_bit_for_bit(networks: list[CompiledNetwork]) -> None:
    one, two, three = networks
    x = pictures(6)
    assert np.array_equal(two(x), one(x))
    assert np.array_equal(three(x), one(x))


def test_calls_at_the_same_time(networks: list[CompiledNetwork]) -> None:
    one, two, _ = networks
    x = pictures(8)
    expected = one(x)
    with ThreadPoolExecutor(4) as callers:
        found = list(callers.map(lambda number: two(x[number : number + 1]), [*range(8)] * 4))
    assert all(np.array_equal(y[0], expected[i % 8]) for i, y in enumerate(found))


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork:DeprecationWarning")
def test_a_forked_process_starts_threads_of_its_own(folder: Path) -> None:
    path = onnx_file("shufflenet_v2_x0_5", folder)
    network, x = compile_onnx(path, folder / "forked", threads=2), pictures(1)
    expected = network(x)  # its threads run in this process from here on
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, network(x).tobytes())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    found = np.frombuffer(os.read(reading, 4 * expected.size), np.float32)
    assert np.array_equal(found.reshape(expected.shape), expected)


def test_rows_of_a_band_are_shared_out(folder: Path) -> None:
    path = onnx_file("mobilenet_v2_x0_35", folder)
    program = make_program(path, native(), threads=3)
    band = next(band for band in program.bands if len(band) > 1)
    schedules = parts(program, band)
    starts = [turns[0][-1] for turns in schedules]
    ends = [turns[-1][-1] for turns in schedules]
    assert starts == [0, *ends[:-1]]
    assert ends[-1] == program.layers[band[-1]].rows


@pytest.mark.parametrize("threads", [0, -1, 65])
def test_numbers_of_threads_that_are_refused(folder: Path, threads: int) -> None:
    path = onnx_file("shufflenet_v2_x0_5", folder)
    with pytest.raises(SwiftletError, match=f"threads={threads} is not accepted; give 1 to 64"):
        compile_onnx(path, folder / "refused", threads=threads)
    assert not (folder / "refused").exists()
