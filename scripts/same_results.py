"""Do two checkouts of this project give the same results, bit for bit?

python scripts/same_results.py BEFORE AFTER [--quick]

Each checkout is asked in a process of its own, with one thread: costs of all networks, outputs of
all networks with seeded weights, the graphs of ONNX files, the C text of ten networks for five
targets and two numbers of threads, weights and metrics of seeded runs. Only the public names are
used, so the checkouts may differ in all else, the name of the package included. Prints a line a
kind and exits with 1 where one differs.
"""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

COMPILED = {
    "shufflenet_v1_g3_x0_5": 64, "shufflenet_v2_x0_5": 64, "shufflenet_v2_x1_0": 224,
    "mobilenet_v1_x0_25": 64, "mobilenet_v2_x0_5": 64, "mobilenet_v2_x1_0": 224,
    "mobilenet_v3_small_x1_0": 64, "mobilenet_v3_large_x1_0": 224, "se_resnet18": 64,
    "cbam_resnet18": 64,
}  # fmt: skip
TARGETS = ("x86-64-v4", "x86-64-v3", "aarch64", "wasm32", "portable")
RUNS: dict[str, dict[str, Any]] = {
    "plain": {},
    "averaged": {"ema": 0.9, "optimizer": "adamw", "workers": 1},
    "augmented": {"trivial_augment": True, "erase": 0.5, "drop_rate": 0.2},
    "gray": {"channels": "L", "resize": "squash", "crop_scale": 1.0},
}


def digest(*parts: bytes) -> str:
    return hashlib.blake2b(b"\0".join(parts), digest_size=12).hexdigest()


def probe(name: str, quick: bool) -> Iterator[tuple[str, str, str]]:
    """(kind, what, digest) of the package `name`."""
    import numpy as np
    import torch

    torch.set_num_threads(1)
    package, spec = import_module(name), import_module(f"{name}.models.spec")
    networks = package.list_models()
    for network in networks[:: 10 if quick else 1]:
        row = package.spec(network)
        image = row.input.kind == "image"
        shape = spec.input_shape(row, 64 if image else None)
        torch.manual_seed(0)
        with torch.inference_mode():
            model = package.create_model(network).eval()
            numbers = torch.from_numpy(np.random.default_rng(0).random((1, *shape), np.float32))
            yield "outputs", network, digest(model(numbers).numpy().tobytes())
        cost = package.cost(model, (1, *spec.input_shape(row, None)))
        totals = (cost.params, cost.macs, cost.activations, cost.bytes_moved)
        yield "costs", network, str((*totals, cost.peak_activation_bytes))
    yield from files(name, package, dict(list(COMPILED.items())[:: 5 if quick else 1]))
    yield from runs(package, "plain" if quick else None)


def files(name: str, package, networks: dict[str, int]) -> Iterator[tuple[str, str, str]]:
    import onnx
    import torch

    export_onnx = import_module(f"{name}.exporting").export_onnx
    plain = {name.encode(): b"NAME", name.upper().encode(): b"NAME", name.title().encode(): b"NAME"}
    with tempfile.TemporaryDirectory() as scratch:
        for network, side in networks.items():
            torch.manual_seed(0)
            model, path = package.create_model(network).eval(), Path(scratch) / "model.onnx"
            classes = [str(number) for number in range(model.num_classes)]
            export_onnx(model, path, preprocess=None, shape=(3, side, side), classes=classes)
            graph = onnx.load(path).graph.SerializeToString()
            yield "ONNX", network, digest(graph)
            for target in TARGETS:
                for threads in (1, 2) if target != "wasm32" else (1,):
                    options = {"target": target, "threads": threads, "build": False}
                    package.compile(path, Path(scratch) / "c", name="net", **options)
                    text = b"".join((Path(scratch) / "c" / f"net.{s}").read_bytes() for s in "ch")
                    for word, other in plain.items():
                        text = text.replace(word, other)
                    weights = (Path(scratch) / "c" / "net.bin").read_bytes()
                    yield "C", f"{network} {target} {threads}", digest(text, weights)


def runs(package, only: str | None) -> Iterator[tuple[str, str, str]]:
    import numpy as np
    from PIL import Image
    from safetensors.numpy import load_file

    with tempfile.TemporaryDirectory() as scratch:
        os.environ[f"{package.__name__.upper()}_CACHE"] = scratch
        draw = np.random.default_rng(0)
        for number in range(60):
            path = Path(scratch) / "photos" / f"class{number % 3}" / f"{number}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            pixels = draw.integers(0, 130, (40, 50, 3)) + 60 * (np.arange(3) == number % 3)
            Image.fromarray(pixels.astype(np.uint8)).save(path)
        for what, options in RUNS.items():
            if only is None or what == only:
                run = package.train(
                    Path(scratch) / "photos", model="shufflenet_v2_x0_5", image_size=32, epochs=3,
                    batch_size=8, folder=Path(scratch) / "runs", name=what, quiet=True,
                    **{"workers": 0, **options},
                )  # fmt: skip
                for file in ("model", "resume"):
                    tensors = load_file(run.folder / f"{file}.safetensors")
                    parts = [tensors[key].tobytes() for key in sorted(tensors)]
                    yield "weights", f"{what} {file}", digest(*parts)
                table = (run.folder / "metrics.csv").read_text().splitlines()
                seconds = table[0].split(",").index("seconds")
                rows = [[w for i, w in enumerate(r.split(",")) if i != seconds] for r in table]
                yield "metrics", what, digest(str(rows).encode())


def asked(checkout: Path, quick: bool) -> dict[str, dict[str, str]]:
    (package,) = (path.parent for path in (checkout / "src").glob("*/__init__.py"))
    environment = os.environ | {"PYTHONPATH": str(package.parent), "OMP_NUM_THREADS": "1"}
    words = [sys.executable, __file__, "--probe", package.name, *["--quick"] * quick]
    done = subprocess.run(words, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, dict[str, str]] = {}
    for line in done.stdout.splitlines():
        kind, what, value = json.loads(line)
        found.setdefault(kind, {})[what] = value
    return found


def main() -> int:
    quick = "--quick" in sys.argv
    if "--probe" in sys.argv:
        for line in probe(sys.argv[sys.argv.index("--probe") + 1], quick):
            print(json.dumps(line), flush=True)
        return 0
    before, after = (asked(Path(word), quick) for word in sys.argv[1:3])
    failed = 0
    for kind in before | after:
        old, new = before.get(kind, {}), after.get(kind, {})
        other = [what for what in old | new if old.get(what) != new.get(what)]
        failed += len(other)
        print(
            f"{kind:<8} {len(old):4} before, {len(new):4} after, {len(other):4} differ", *other[:6]
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
