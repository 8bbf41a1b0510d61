"""Several threads share a run: the same numbers, whoever calls and whenever."""

import os
import pickle
import signal
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.exported import OurPath, marked
from tests.compiler.graphs import Pair, RunC, close, random

from martlet.compiler import CompiledNetwork, compile_onnx

SIDE = 160
REFUSING = """
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

int __real_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);
int __wrap_pthread_create(pthread_t *, const pthread_attr_t *, void *(*)(void *), void *);

static int calls;

int __wrap_pthread_create(pthread_t *t, const pthread_attr_t *a, void *(*f)(void *), void *x) {
  return calls++ < ALLOWED ? __real_pthread_create(t, a, f, x) : EAGAIN;
}

__attribute__((destructor)) static void say(void) { fprintf(stderr, "%d calls", calls); }
"""
NETWORKS = ("mobilenet_v3_small_x0_75", "shufflenet_v1_g3_x0_5", "shufflenet_v2_authors_x0_5")


@pytest.fixture(scope="module", params=marked(NETWORKS, slow=NETWORKS))
def networks(request: pytest.FixtureRequest, our_path: OurPath) -> Iterator[list[CompiledNetwork]]:
    """One network for one, two and three threads; their files, some of them large, do not stay."""
    path = our_path(request.param, SIDE)
    with tempfile.TemporaryDirectory() as folder:
        yield [compile_onnx(path, f"{folder}/{n}", threads=n, weights="file") for n in (1, 2, 3)]


def pictures(count: int) -> np.ndarray:
    return random(1, count, 3, SIDE, SIDE)


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
def test_a_forked_process_starts_threads_of_its_own(tiny: Path, tmp_path: Path, pair: Pair) -> None:
    network, x = compile_onnx(tiny, tmp_path, threads=2), pair[0]
    expected = network(x)  # its threads run in this process from here on
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(60)  # threads that wait for each other for ever
        for _ in range(20):
            found = network(x)
        os.write(writing, found.tobytes())
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    found = np.frombuffer(os.read(reading, 4 * expected.size), np.float32)
    assert np.array_equal(found.reshape(expected.shape), expected)


@pytest.mark.skipif(sys.platform != "linux", reason="its linker has no --wrap")
@pytest.mark.parametrize("allowed", [0, 2])
def test_without_threads_the_caller_does_all(
    tiny: Path, tmp_path: Path, program: RunC, pair: Pair, allowed: int
) -> None:
    """The system refuses all threads from one on, in several runs."""
    compile_onnx(tiny, tmp_path / "out", threads=4, weights="text", library=False)
    refusing = tmp_path / "refusing.c"
    refusing.write_text(REFUSING.replace("ALLOWED", str(allowed)))
    words = ["gcc", "-O1", "-march=native", "-pthread", "-DRUNS=5", "-Wl,--wrap=pthread_create"]
    calls = 5 if allowed == 0 else allowed + 1  # each run asks anew while there is none at all
    words.append(str(refusing))
    close(program(tmp_path / "out", pair[0], words, said=f"{calls} calls"), pair[1])


@pytest.mark.skipif(not os.path.isdir("/proc/self/task"), reason="no /proc here")
def test_a_network_that_is_loaded_again_has_the_same_threads(
    tiny: Path, tmp_path: Path, pair: Pair
) -> None:
    network = compile_onnx(tiny, tmp_path, threads=3)
    network(pair[0])
    threads = os.listdir("/proc/self/task")
    for again in (CompiledNetwork(tmp_path), pickle.loads(pickle.dumps(network))):
        again(pair[0])
        assert os.listdir("/proc/self/task") == threads
