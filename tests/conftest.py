"""What all tests share: a pixel cache of their own, quick runs."""

import os
import threading

# One thread each: small tensors gain nothing from more, and threads of several processes on two
# cores wait for each other. Set before torch is imported; child processes inherit it.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import multiprocessing
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
import safetensors
import torch
import torch.distributed as dist
from hypothesis import settings
from onnx import TensorProto, helper, numpy_helper
from PIL import Image

from martlet.api.export import export
from martlet.api.train import train
from martlet.cli import main
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.ranks import Ranks
from martlet.training.recipe import Recipe
from martlet.workflows.run_folder import Run

# The same examples every time, and no clock: a busy machine fails nothing.
settings.register_profile("martlet", deadline=None, derandomize=True, database=None)
settings.load_profile("martlet")


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the tests' pixel caches out of the user's cache folder, in subprocesses too."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARTLET_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


# A run of two steps per epoch that takes well under a second an epoch.
QUICK = {
    "model": "shufflenet_v2_x0_5",
    "image_size": 16,
    "epochs": 2,
    "batch_size": 8,
    "crop_scale": 0.6,
    "workers": 0,
    "quiet": True,
}


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes of twelve noisy pictures, told apart by their colour."""
    folder = tmp_path_factory.mktemp("data") / "photos"
    colours = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}
    for number, (name, colour) in enumerate(colours.items()):
        (folder / name).mkdir(parents=True)
        for i in range(12):
            noise = np.random.default_rng(1000 * number + i).integers(-40, 40, (20, 24, 3))
            pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
            Image.fromarray(pixels).save(folder / name / f"{i:03}.png")
    return folder


@pytest.fixture(scope="session")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run on `photos`, which it tells apart for sure; not to be written to."""
    folder = tmp_path_factory.mktemp("trained")
    options = {**QUICK, "epochs": 12, "optimizer": "adamw", "lr": 0.01}
    return train(photos, folder=folder, name="run", **options)


@pytest.fixture(scope="session")
def exported(trained: Run, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ONNX file of the finished run, in no folder of a run; not to be written to."""
    return Path(export(trained.folder, output=tmp_path_factory.mktemp("onnx") / "model.onnx").path)


@pytest.fixture
def quick(photos: Path, tmp_path: Path) -> Callable[..., Run]:
    """`train` on `photos` with quick settings, into `tmp_path`."""

    def run(**options: object) -> Run:
        return train(**{"data": photos, "folder": tmp_path, "name": "run", **QUICK, **options})

    return run


@pytest.fixture(scope="session")
def same_weights() -> Callable[[Path, Path], bool]:
    """Whether two runs left the same numbers, bit for bit, in both of their files of weights."""

    def same(one: Path, other: Path) -> bool:
        for name in ("model.safetensors", "resume.safetensors"):
            mine, theirs = (checkpoint.load(run / name)[0] for run in (one, other))
            if mine.keys() != theirs.keys():
                return False
            if not all(torch.equal(mine[key], theirs[key]) for key in mine):
                return False
        return True

    return same


@pytest.fixture
def write_matrix(tmp_path: Path) -> Callable[..., Path]:
    """Writes an ONNX file no exporter of ours has touched: flatten, then one matrix product."""

    def write(
        weight: np.ndarray, batch: str | int = "n", shape: tuple[int, ...] = (3, 2, 2)
    ) -> Path:
        values = [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, [batch, *sides])
            for name, sides in (("pixels", shape), ("scores", (len(weight),)))
        ]
        nodes = [
            helper.make_node("Flatten", ["pixels"], ["flat"]),
            helper.make_node("MatMul", ["flat", "weight"], ["scores"]),
        ]
        constant = numpy_helper.from_array(np.ascontiguousarray(weight.T), "weight")
        graph = helper.make_graph(nodes, "by hand", values[:1], values[1:], [constant])
        opset = [helper.make_opsetid("", 20)]
        onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=10), tmp_path / "m.onnx")
        return tmp_path / "m.onnx"

    return write


@pytest.fixture
def call(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Callable[..., tuple[int, str, str]]:
    """Run a command in this process: exit code, standard output, standard error."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr("sys.argv", ["martlet", *map(str, arguments)])
        with pytest.raises(SystemExit) as end:
            main.main()
        captured = capsys.readouterr()
        return int(end.value.code or 0), captured.out, captured.err

    return run


@pytest.fixture
def served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, str]]:
    """A folder, and the address of a server on this machine that hands out its files."""
    folder = tmp_path / "served"
    folder.mkdir()
    monkeypatch.setattr(SimpleHTTPRequestHandler, "log_message", lambda *_: None)
    handler = partial(SimpleHTTPRequestHandler, directory=folder)
    with HTTPServer(("127.0.0.1", 0), handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, args=(0.01,))
        thread.start()
        yield folder, f"http://127.0.0.1:{listening.server_port}"
        listening.shutdown()
        thread.join()


@pytest.fixture
def full_disk() -> Callable[[int], AbstractContextManager[None]]:
    """A while in which the operating system writes no file beyond so many bytes."""
    resource = pytest.importorskip("resource", reason="limits of a process are a Unix thing")

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        limits = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)

    return limited


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """How often each tensor of a checkpoint is read: "FILE NAME" -> times."""
    counted: Counter[str] = Counter()

    @contextmanager
    def counting(path: Path, framework: str) -> Iterator[SimpleNamespace]:
        with safetensors.safe_open(path, framework=framework) as file:

            def get_tensor(name: str) -> torch.Tensor:
                counted[f"{path.name} {name}"] += 1
                return file.get_tensor(name)

            yield SimpleNamespace(keys=file.keys, metadata=file.metadata, get_tensor=get_tensor)

    monkeypatch.setattr("martlet.training.checkpoint.safe_open", counting)
    return counted


@pytest.fixture(scope="session")
def recipe() -> Recipe:
    """Three epochs of SGD, nothing else turned on."""
    return Recipe(
        epochs=3,
        batch_size=8,
        lr=0.1,
        optimizer="sgd",
        warmup_epochs=1.0,
        weight_decay=1e-4,
        drop_rate=0.0,
        crop_scale=0.5,
        compile="off",
    )


Work = Callable[[Ranks], object]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that fork processes come first: after some exports autograd cannot be forked.

    Then those that take minutes, so that at the end no process waits for them.
    """
    items.sort(
        key=lambda item: (
            "together" not in getattr(item, "fixturenames", ()),
            item.get_closest_marker("first") is None,
        )
    )


@pytest.fixture
def together(tmp_path: Path) -> Callable[..., list[Any]]:
    """Runs a function in several processes that train together; what each of them returned."""
    if not hasattr(os, "fork"):
        pytest.skip("processes are forked, which this system cannot")

    def one(rank: int, count: int, work: Work, store: Path, sent: Any) -> None:
        dist.init_process_group(
            "gloo", rank=rank, world_size=count, store=dist.FileStore(str(store), count)
        )
        group = dist.new_group(backend="gloo")
        try:
            sent.send(work(Ranks(rank, count, rank, count, group)))
        except MartletError as error:
            sent.send(error)
        sent.close()

    def run(work: Work, count: int = 2) -> list[Any]:
        store = tmp_path / f"store{len(list(tmp_path.iterdir()))}"
        context, started = multiprocessing.get_context("fork"), []
        with warnings.catch_warnings():
            # Of threads that might hold a lock: the children use what is loaded already.
            warnings.simplefilter("ignore", DeprecationWarning)
            for rank in range(count):
                received, sent = context.Pipe(duplex=False)
                process = context.Process(target=one, args=(rank, count, work, store, sent))
                process.start()
                sent.close()
                started.append((process, received))
        found = []
        for process, received in started:
            try:
                found.append(received.recv())
            except EOFError:
                found.append(None)
            process.join()
        return found

    return run
