"""Whole epochs of a detector, trained and validated: martlet beside torchvision's way.

    python benchmarks/boxes_epochs.py BCCD [--rounds 3] [--epochs 3] [--workers 1]

The network is torchvision's ssdlite320_mobilenet_v3_large in both, BCCD a folder of Pascal VOC
with its lists of parts. Each program is a process of its own on the same pictures: 320 pixels,
batches of 8, SGD, crop and flip, float32, and after each epoch COCO's figures of the validation
part. Its epoch is what a run of several epochs takes longer than a run of one, divided by their
difference; the programs take turns, and the median of the rounds counts. torchvision's way is
plain_detection.py. Writes results/boxes_epochs.csv.
"""

import argparse
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
from record import write_rows
from whole_epochs import timed

BATCH, SIDE = 8, 320
Command = Callable[[int, Path], list[str]]  # (epochs, folder for what it writes)


def commands(data: Path, workers: int) -> dict[str, Command]:
    """What starts each program."""

    def martlet(epochs: int, folder: Path) -> list[str]:
        return [
            *(sys.executable, "-m", "martlet", "train", str(data), "--boxes", str(data)),
            *("--model", "mobilenet_v3_large", "--model-options", "reduced_tail=true"),
            *("--detector", "ssdlite", "--image-size", str(SIDE), "--batch-size", str(BATCH)),
            *("--epochs", str(epochs), "--optimizer", "sgd", "--lr", "0.00625"),
            *("--workers", str(workers), "--folder", str(folder), "--log", "none", "--quiet"),
        ]

    def torchvision(epochs: int, folder: Path) -> list[str]:
        return [sys.executable, __file__, str(data), "--plainly", str(epochs),
                "--workers", str(workers)]  # fmt: skip

    return {"martlet": martlet, "torchvision": torchvision}


def plainly(data: Path, epochs: int, workers: int) -> None:
    """torchvision's way, in this process."""
    from plain_detection import found_plainly, train_plainly
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    from martlet.data.boxes.read import read_boxes
    from martlet.measuring.boxes import Truth, evaluate_boxes

    listing = read_boxes(data, [data])
    model = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=1 + len(listing.classes)
    )
    train, val = (
        [n for n, own in enumerate(listing.parts) if own == part] for part in ("train", "val")
    )

    def validate() -> None:
        boxes = [listing.boxes[number] for number in val]
        truth = [Truth(one.corners, one.labels, one.crowd) for one in boxes]
        evaluate_boxes(found_plainly(model, listing, val), truth, listing.classes)

    train_plainly(
        model, listing, train, epochs=epochs, batch=BATCH, workers=workers, validate=validate
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--plainly", type=int, metavar="EPOCHS", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.plainly is not None:
        plainly(given.data, given.plainly, given.workers)
        return
    programs = commands(given.data, given.workers)
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    memory = dict.fromkeys(programs, 0)
    for _ in range(given.rounds):
        for name, command in programs.items():
            took = []
            for epochs in (1, given.epochs):
                with tempfile.TemporaryDirectory() as folder:
                    found, most = timed(command(epochs, Path(folder)))
                took.append(found)
                memory[name] = max(memory[name], most)
            seconds[name].append((took[1] - took[0]) / (given.epochs - 1))
            print(f"{name}: {seconds[name][-1]:.1f} s an epoch", flush=True)
    ours = statistics.median(seconds["martlet"])
    write_rows(
        "boxes_epochs",
        [
            {
                "program": name,
                "seconds": f"{statistics.median(found):.2f}",
                "times_ours": f"{statistics.median(found) / ours:.2f}",
                "fastest": f"{min(found):.2f}",
                "slowest": f"{max(found):.2f}",
                "memory_mib": memory[name] >> 20,
                "threads": torch.get_num_threads(),
                "workers": given.workers,
            }
            for name, found in seconds.items()
        ],
    )


if __name__ == "__main__":
    main()
