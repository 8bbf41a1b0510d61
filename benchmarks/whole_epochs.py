"""Whole epochs, trained and validated: martlet beside torchvision's reference loop and timm's.

    python benchmarks/whole_epochs.py DATA --timm TIMM/train.py [--models ...] [--rounds 3]

DATA has train/CLASS and val/CLASS; TIMM is a checkout of timm's repository, whose train.py is run
as it is. Each program is a process of its own on the same pictures: 224 pixels, batches of 32, SGD,
crop and flip, one process that prepares inputs, float32. Its epoch is what a run of several epochs
takes longer than a run of one, divided by their difference, so that start, compiling and the first
visit to the files are left out of everybody's; the programs take turns, and the median of the
rounds counts. Memory is the largest sum over a program's processes, pages that they share counted
once. torchvision's loop is its reference's train_one_epoch and evaluate without the logger
(whole_epochs_torchvision.py); timm has no ShuffleNet, so its script gets torchvision's network
under a name of its own. Each row of results/whole_epochs.csv is one program's; a network whose rows
are there is not measured again.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch
from record import add_row, rows_of

HERE = Path(__file__).parent
BATCH, SIZE = 32, 224
TIMM_NAMES = {"mobilenet_v2": "mobilenetv2_100"}
# Starts timm's script with torchvision's network registered: timm has no ShuffleNet.
TIMM_LAUNCHER = """
import runpy, sys, torchvision
from timm.models import register_model

@register_model
def torchvision_shufflenet_v2_x1_0(pretrained=False, num_classes=1000, **kwargs):
    model = torchvision.models.shufflenet_v2_x1_0(num_classes=num_classes)
    model.num_classes, model.pretrained_cfg = num_classes, {}
    return model

sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0], run_name="__main__")
"""
Command = Callable[[str, int, Path], list[str]]  # (model, epochs, folder for what it writes)


def commands(data: Path, timm: Path | None, workers: int) -> dict[str, Command]:
    """What starts each program."""
    classes = len(list((data / "train").iterdir()))

    def martlet(compile: str) -> Command:
        return lambda model, epochs, folder: [
            *(sys.executable, "-m", "martlet", "train", str(data), "--model", model),
            *("--epochs", str(epochs), "--batch-size", str(BATCH), "--lr", "0.01"),
            *("--image-size", str(SIZE), "--workers", str(workers), "--compile", compile),
            *("--optimizer", "sgd", "--folder", str(folder), "--quiet"),
        ]

    def torchvision(model: str, epochs: int, folder: Path) -> list[str]:
        script = str(HERE / "whole_epochs_torchvision.py")
        return [sys.executable, script, str(data), model, str(epochs), str(workers)]

    def by_timm(*flags: str) -> Command:
        return lambda model, epochs, folder: [
            *(sys.executable, "-c", TIMM_LAUNCHER, str(timm), "--data-dir", str(data)),
            *("--model", TIMM_NAMES.get(model, f"torchvision_{model}"), "--device", "cpu"),
            *("--num-classes", str(classes), "--img-size", str(SIZE), "-b", str(BATCH)),
            *("--epochs", str(epochs), "--opt", "sgd", "--lr", "0.01", "--workers", str(workers)),
            *("--warmup-epochs", "0", "--cooldown-epochs", "0", "--output", str(folder)),
            *("--color-jitter", "0", "--scale", "0.35", "1.0", *flags),
        ]

    found = {
        "martlet": martlet("off"),
        "martlet compiled": martlet("on"),
        "torchvision": torchvision,
    }
    if timm is not None:
        found["timm"] = by_timm()
        found["timm, channels last"] = by_timm("--channels-last")
        found["timm, channels last, compiled"] = by_timm("--channels-last", "--torchcompile")
    return found


def proportional_bytes(root: int) -> int:
    """Memory of a process and its descendants; a page that n processes share counts as a nth."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    total, todo = 0, [root]
    while todo:
        process = todo.pop()
        todo += children.get(process, [])
        try:
            rollup = Path(f"/proc/{process}/smaps_rollup").read_text()
        except OSError:
            continue
        total += sum(int(line.split()[1]) for line in rollup.splitlines() if line[:4] == "Pss:")
    return total * 1024


def timed(command: Sequence[str]) -> tuple[float, int]:
    """Seconds that a command takes, and the most memory that was seen."""
    started, most = time.perf_counter(), 0
    with tempfile.TemporaryFile() as told:
        process = subprocess.Popen(command, stdout=told, stderr=subprocess.STDOUT)
        done = threading.Event()

        def watch() -> None:
            nonlocal most
            while not done.wait(1.0):
                most = max(most, proportional_bytes(process.pid))

        watcher = threading.Thread(target=watch)
        watcher.start()
        code = process.wait()
        seconds = time.perf_counter() - started
        done.set()
        watcher.join()
        if code:
            told.seek(0)
            raise SystemExit(told.read()[-3000:].decode(errors="replace"))
    return seconds, most


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--timm", type=Path, help="timm's train.py")
    parser.add_argument("--models", nargs="+", default=["shufflenet_v2_x1_0", "mobilenet_v2"])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--results", default="whole_epochs")
    given = parser.parse_args()
    programs = commands(given.data, given.timm, given.workers)
    known = {(row["model"], row["program"]) for row in rows_of(given.results)}
    pictures = sum(1 for path in (given.data / "train").rglob("*") if path.is_file())
    for model in given.models:
        if all((model, name) in known for name in programs):
            continue
        spent: dict[str, list[float]] = {name: [] for name in programs}
        memory = dict.fromkeys(programs, 0)
        for command in programs.values():  # fills caches, of compiled code above all
            with tempfile.TemporaryDirectory() as folder:
                timed(command(model, 1, Path(folder)))
        for _ in range(given.rounds):
            for name, command in programs.items():
                seconds = {}
                for epochs in (1, given.epochs):
                    with tempfile.TemporaryDirectory() as folder:
                        seconds[epochs], most = timed(command(model, epochs, Path(folder)))
                    memory[name] = max(memory[name], most)
                spent[name].append((seconds[given.epochs] - seconds[1]) / (given.epochs - 1))
        base = statistics.median(spent["martlet"])
        for name, seconds_of in spent.items():
            epoch = statistics.median(seconds_of)
            add_row(
                given.results,
                {
                    "model": model,
                    "program": name,
                    "epoch_s": round(epoch, 2),
                    "spread_s": round(max(seconds_of) - min(seconds_of), 2),
                    "pictures": pictures,
                    "times_martlets": round(epoch / base, 2),
                    "peak_memory_mib": round(memory[name] / 2**20),
                    "rounds": given.rounds,
                    "threads": torch.get_num_threads(),
                    "workers": given.workers,
                },
            )


if __name__ == "__main__":
    main()
