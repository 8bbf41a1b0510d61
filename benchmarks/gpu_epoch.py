"""Epochs on a GPU, from JPEG files: martlet beside timm's script, and the floor under both.

    python benchmarks/gpu_epoch.py --timm TIMM/train.py [--models ...] [--device cuda]

TIMM is a checkout of timm's repository, whose train.py is run as it is, with its fastest flags:
channels-last memory, bfloat16, torch.compile, as many workers as cores. martlet: the same, with its
pixel cache; and with the training part on the device, cropped and mirrored there. Each program is a
process of its own that trains on the same made-up pictures, and what counts is the median of the
epochs behind the first one, training steps alone: timm's from its log (the mean rate of the
epoch), martlet's from metrics.csv. The floor is forward, backward and the optimiser's step on one
batch that lies on the device already: compiled, and once more with CUDA graphs.

A row that is in results/gpu_epoch.csv is not measured again, so a run that was cut short goes on.
On a CPU (`--device cpu --pictures 64 --batch 16 --size 32 --compile off`) it only shows that all
works.
"""

import argparse
import csv
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from record import add_row, rows_of
from whole_epochs import TIMM_LAUNCHER

RESULTS = "gpu_epoch"
CLASSES = 10
TIMM_NAMES = {"mobilenet_v3_large_x1_0": "mobilenetv3_large_100"}
TIMM_RATE = re.compile(r"Train: +(\d+) .*?Time: [\d.]+s, +[\d.]+/s +\([\d.]+s, +([\d.]+)/s\)")
FLOOR_STEPS = 60


def make_picture(place: tuple[Path, int]) -> None:
    """A smooth picture of 320×256 pixels, of its own colours: JPEG takes it as it does a photo."""
    folder, number = place
    rng = np.random.default_rng(number)
    path = folder / f"{number % CLASSES}" / f"{number:06}.jpg"
    coarse = Image.fromarray(rng.integers(0, 256, (20, 25, 3), dtype=np.uint8))
    fine = rng.integers(-12, 13, (256, 320, 3))
    pixels = np.asarray(coarse.resize((320, 256), Image.Resampling.BICUBIC)) + fine
    Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(path, quality=90)


def make_data(folder: Path, pictures: int) -> None:
    """train/CLASS and val/CLASS."""
    parts = {"train": range(pictures), "val": range(pictures, pictures + 4 * CLASSES)}
    for part, numbers in parts.items():
        for name in range(CLASSES):
            (folder / part / str(name)).mkdir(parents=True, exist_ok=True)
        with ProcessPoolExecutor() as pool:
            places = [(folder / part, number) for number in numbers]
            list(pool.map(make_picture, places, chunksize=64))


def martlet(
    given: argparse.Namespace, model: str, data: Path, folder: Path, on: str
) -> list[float]:
    """Pictures a second, of each epoch."""
    half = given.device == "cuda"
    command = [
        *(sys.executable, "-m", "martlet", "train", str(data), "--model", model, "--quiet"),
        *("--epochs", str(given.epochs), "--batch-size", str(given.batch), "--lr", "0.01"),
        *("--image-size", str(given.size), "--compile", given.compile, "--optimizer", "sgd"),
        *("--precision", "bfloat16" if half else "float32", "--device", given.device),
        *("--augment-on", on, "--workers", str(given.workers), "--folder", str(folder)),
        *("--name", "run", "--overwrite"),
    ]
    run(command)
    rows = list(csv.DictReader((folder / "run" / "metrics.csv").open(encoding="utf-8")))
    ends = [0.0, *(float(row["seconds"]) for row in rows)]
    steps = given.pictures // given.batch * given.batch
    return [steps / (end - start) for start, end in pairwise(ends)]


def timm(given: argparse.Namespace, model: str, data: Path, folder: Path) -> list[float]:
    """Pictures a second, of each epoch."""
    fast = ["--amp", "--amp-dtype", "bfloat16"] if given.device == "cuda" else []
    fast += ["--torchcompile"] if given.compile == "on" else []
    command = [
        *(sys.executable, "-c", TIMM_LAUNCHER, str(given.timm), "--data-dir", str(data)),
        *("--model", TIMM_NAMES.get(model, f"torchvision_{model}"), "--device", given.device),
        *("--num-classes", str(CLASSES), "--img-size", str(given.size), "-b", str(given.batch)),
        *("--epochs", str(given.epochs), "--opt", "sgd", "--lr", "0.01", "--pin-mem"),
        *("--workers", str(given.workers), "--warmup-epochs", "0", "--cooldown-epochs", "0"),
        *("--color-jitter", "0", "--scale", "0.35", "1.0", "--channels-last", *fast),
        *("--output", str(folder)),
    ]
    last = {int(epoch): float(rate) for epoch, rate in TIMM_RATE.findall(run(command))}
    return [last[epoch] for epoch in sorted(last)]


def run(command: list[str]) -> str:
    """What a program prints."""
    found = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    if found.returncode:
        raise SystemExit(f"{' '.join(command[:6])} … failed:\n{found.stdout[-3000:]}")
    return found.stdout


def floor(given: argparse.Namespace, model: str, mode: str) -> list[float]:
    """Pictures a second of steps on one batch that lies on the device."""
    from martlet.models import create_model

    device = torch.device(given.device)
    network = create_model(model, num_classes=CLASSES).to(device).train()
    network = network.to(memory_format=torch.channels_last)
    fused = torch.optim.SGD(network.parameters(), lr=0.01, momentum=0.9, nesterov=True, fused=True)
    forward = network if given.compile == "off" else torch.compile(network, mode=mode)
    shape = given.batch, 3, given.size, given.size
    inputs = torch.randn(shape, device=device).to(memory_format=torch.channels_last)
    targets = torch.randint(CLASSES, (given.batch,), device=device)

    def step() -> None:
        with torch.autocast(device.type, torch.bfloat16, enabled=device.type == "cuda"):
            outputs = forward(inputs)
        fused.zero_grad(set_to_none=True)
        torch.nn.functional.cross_entropy(outputs.float(), targets).backward()
        fused.step()

    def wait() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize()

    steps, rates = FLOOR_STEPS if device.type == "cuda" else 2, []
    for _ in range(given.epochs):
        wait()
        started = time.perf_counter()
        for _ in range(steps):
            step()
        wait()
        rates.append(steps * given.batch / (time.perf_counter() - started))
    return rates


def measured(given: argparse.Namespace, model: str, program: str, data: Path) -> list[float]:
    """Pictures a second, of each epoch but the first."""
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        if program.startswith("floor"):
            mode = "reduce-overhead" if "graphs" in program else "default"
            return floor(given, model, mode)[1:]
        if program == "timm":
            return timm(given, model, data, place)[1:]
        on = "device" if "device" in program else "cpu"
        return martlet(given, model, data, place, on)[1:]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--timm", type=Path, help="timm's train.py")
    parser.add_argument("--data", type=Path, default=Path(tempfile.gettempdir()) / "gpu_epoch")
    models = ["shufflenet_v2_x1_0", "mobilenet_v3_large_x1_0"]
    parser.add_argument("--models", nargs="+", default=models)
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--pictures", type=int, default=25_600)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--compile", default="on", choices=("on", "off"))
    parser.add_argument("--workers", type=int, default=min(16, os.cpu_count() or 1))
    parser.add_argument("--results", default=RESULTS)
    given = parser.parse_args()
    programs = ["martlet, pictures on the device", "timm", "floor", "floor, CUDA graphs", "martlet"]
    if given.timm is None:
        programs.remove("timm")
    if given.device == "cpu":
        programs.remove("floor, CUDA graphs")
    made = given.data / f"{given.pictures}"
    if not (made / "whole").exists():
        make_data(made, given.pictures)
        (made / "whole").touch()
    known = {(row["model"], row["program"]) for row in rows_of(given.results)}
    for model in given.models:
        for program in programs:
            if (model, program) in known:
                continue
            started = time.perf_counter()
            rates = measured(given, model, program, made)
            row = {"model": model, "program": program}
            row |= {"pictures_per_s": f"{statistics.median(rates):.0f}"}
            row |= {"spread": f"{max(rates) - min(rates):.0f}", "epochs": str(len(rates))}
            row |= {"pictures": str(given.pictures), "batch": str(given.batch)}
            row |= {"size": str(given.size), "compile": given.compile}
            gpu = torch.cuda.get_device_name() if given.device == "cuda" else "none"
            row |= {"gpu": gpu, "workers": str(given.workers)}
            add_row(given.results, {**row, "all_s": f"{time.perf_counter() - started:.0f}"})


if __name__ == "__main__":
    main()
