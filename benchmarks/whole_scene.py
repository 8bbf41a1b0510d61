"""HybridSN over whole scenes, beside the same network window by window.

    python benchmarks/whole_scene.py          # 145 × 145, every engine in turns
    python benchmarks/whole_scene.py large    # 2,000 × 2,000 from a file, and the memory it takes

The first times the rows of the paper's Indian Pines (30 components, windows of 25) in one process:
windows in batches of 64, then the scene at once, then tiles of exported files, and says how far
their outputs are apart. The second trains on a small scene, writes a large one, and labels it with
`martlet predict` in a process of its own. They write results/whole_scene.csv and
results/whole_scene_large.csv.
"""

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from record import write_rows

import martlet
from martlet.compiler import compile_onnx
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.scene import Scene
from martlet.data.scenes.strips import strips
from martlet.exporting import export_onnx
from martlet.inference import Network, load
from martlet.models.whole_scene import WholeScene

SIDE, COMPONENTS, WINDOW, CLASSES = 145, 30, 25, 16
LARGE, BANDS, SMALL = 2000, 200, 60
EXPORTED_TILE = 64


def small() -> list[dict[str, Any]]:
    """A row each: seconds, times as fast as windows, the largest difference of a logit."""
    torch.manual_seed(0)
    model = martlet.create_model("hybridsn", num_classes=CLASSES).eval()
    values = np.random.default_rng(0).standard_normal((SIDE, SIDE, COMPONENTS), np.float32)
    scene = Scene(Path("scene"), values)
    unit = tuple(map(tuple, np.eye(COMPONENTS).tolist()))
    given: dict[str, Any] = {"mean": (0.0,) * COMPONENTS, "projection": unit}
    preprocess = ScenePreprocess(WINDOW, COMPONENTS, **given)
    padded = np.pad(values, ((WINDOW // 2,) * 2, (WINDOW // 2,) * 2, (0, 0)))
    timed: dict[str, Callable[[], NDArray[np.float32]]] = {
        "windows, batches of 64, PyTorch": lambda: windows(model, padded, preprocess),
        "whole scene, PyTorch": lambda: whole(model, padded, preprocess),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        tiled = ScenePreprocess(WINDOW, COMPONENTS, tile=EXPORTED_TILE, **given)
        names = [str(number) for number in range(CLASSES)]
        export_onnx(WholeScene(model), path, preprocess=tiled, classes=names)
        compile_onnx(path, Path(folder) / "c")
        for name, network in (
            ("ONNX Runtime", load(path, threads=1)),
            ("C", load(path.with_name("c"))),
        ):
            what = f"tiles of {EXPORTED_TILE}, {name}"
            timed[what] = lambda network=network: by_tiles(network, scene)  # type: ignore[misc]
        return compared(timed)


def compared(timed: dict[str, Callable[[], NDArray[np.float32]]]) -> list[dict[str, Any]]:
    """Seconds of each, once for the windows and the best of three for the others."""
    rows: list[dict[str, Any]] = []
    expected, slowest = np.zeros(0, np.float32), 0.0
    for what, run in timed.items():
        seconds = []
        for _ in range(3 if rows else 1):
            start = time.perf_counter()
            logits = run()
            seconds.append(time.perf_counter() - start)
        if not rows:
            expected, slowest = logits, seconds[0]
        row = {
            "scene": f"{SIDE}×{SIDE}×{COMPONENTS}",
            "how": what,
            "seconds": f"{min(seconds):.2f}",
            "times_as_fast": f"{slowest / min(seconds):.1f}",
            "largest_difference": f"{np.abs(logits - expected).max():.1e}",
            "memory_gb": "",
        }
        rows.append(row)
        print(*row.values(), sep="  ", flush=True)
    return rows


@torch.inference_mode()
def windows(
    model: torch.nn.Module, padded: NDArray[np.float32], preprocess: ScenePreprocess
) -> NDArray[np.float32]:
    """Logits (classes, rows, columns), each pixel's from its own window."""
    found = np.empty((CLASSES, SIDE * SIDE), np.float32)
    places = [(row, column) for row in range(SIDE) for column in range(SIDE)]
    for start in range(0, len(places), 64):
        chosen = places[start : start + 64]
        cut = np.stack([padded[r : r + WINDOW, c : c + WINDOW] for r, c in chosen])
        logits = model(torch.from_numpy(preprocess.normalise(cut)))
        found[:, start : start + 64] = logits.numpy().T
    return found.reshape(CLASSES, SIDE, SIDE)


@torch.inference_mode()
def whole(
    model: Any, padded: NDArray[np.float32], preprocess: ScenePreprocess
) -> NDArray[np.float32]:
    """The same at once."""
    scene = torch.from_numpy(preprocess.normalise(padded)[None])
    return np.asarray(WholeScene(model)(scene)[0].numpy())


def by_tiles(network: Network, scene: Scene) -> NDArray[np.float32]:
    """The same by an exported network."""
    preprocess: Any = network.preprocess
    return np.concatenate([one.logits for one in strips(network.logits, scene, preprocess)], 1)


def large() -> list[dict[str, Any]]:
    """A row: seconds and the most memory that the process had."""
    with tempfile.TemporaryDirectory() as folder:
        place, rng = Path(folder), np.random.default_rng(0)
        labels = np.kron(np.arange(36).reshape(6, 6) % 4 + 1, np.ones((10, 10), int))
        spectra = rng.integers(500, 4000, (5, BANDS))
        np.save(place / "gt.npy", labels.astype(np.uint8))
        noise = rng.normal(0, 200, (SMALL, SMALL, BANDS))
        np.save(place / "small.npy", (spectra[labels] + noise).astype(np.int16))
        shape = (LARGE, LARGE, BANDS)
        made = np.lib.format.open_memmap(place / "large.npy", "w+", dtype=np.int16, shape=shape)
        for first in range(0, LARGE, SMALL):
            rows = min(SMALL, LARGE - first)
            pattern = np.tile(spectra[labels[:rows]], (1, -(-LARGE // SMALL), 1))[:, :LARGE]
            made[first : first + rows] = pattern + rng.normal(0, 200, (rows, 1, 1))
        del made
        run = martlet.train(
            place / "small.npy", labels=place / "gt.npy", bands_axis=2, model="hybridsn",
            protocol="random", epochs=1, folder=place / "runs", quiet=True,
        )  # fmt: skip
        call = [sys.executable, __file__, "predict", str(run.folder), str(place / "large.npy")]
        said = subprocess.run(call, check=True, capture_output=True, text=True).stdout
    seconds, memory = said.split()
    row = {
        "scene": f"{LARGE}×{LARGE}×{BANDS}",
        "how": "martlet predict, PyTorch",
        "seconds": seconds,
        "times_as_fast": "",
        "largest_difference": "",
        "memory_gb": memory,
    }
    print(*row.values(), sep="  ")
    return [row]


def predict(run: str, scene: str) -> None:
    """Prints seconds and the most memory of this process, in GB."""
    start = time.perf_counter()
    (found,) = martlet.predict(run, [scene], bands_axis=2, quiet=True)
    assert found.error is None, found.error
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(f"{time.perf_counter() - start:.0f} {memory / 1e9:.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["predict"]:
        predict(*sys.argv[2:])
    else:
        big = sys.argv[1:] == ["large"]
        write_rows("whole_scene_large" if big else "whole_scene", large() if big else small())
