"""Boxes from scratch: martlet beside torchvision's SSDLite and, where installed, Ultralytics.

    python benchmarks/boxes_vs_peers.py BCCD [--ways lite torchvision yolo11n] [--seeds 0 1 2]
    python benchmarks/boxes_vs_peers.py --table    # means and ranges of results/boxes_vs_peers.csv

BCCD is a folder of Pascal VOC with its lists of parts. All see the same training pictures for as
many epochs, at one size and in batches of one size, from fresh weights, and are scored on the same
test pictures by COCO's figures as martlet computes them, each with the boxes that it selects
itself. martlet trains with its defaults; its best epoch is chosen on the validation part, the
others' last one is taken. torchvision's is plain_detection.py; Ultralytics (AGPL, a peer alone:
nothing of it is here) trains with its defaults on the same lists, written as YOLO's for it. Minutes
are those of training. Goes on where it was stopped.
"""

import argparse
import importlib.util
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from plain_detection import found_plainly, train_plainly
from record import add_row, rows_of, spread

import martlet
from martlet.data.boxes.listing import BoxListing
from martlet.data.boxes.read import read_boxes
from martlet.measuring.boxes import Answers, Truth, evaluate_boxes
from martlet.training import checkpoint
from martlet.workflows.open_network import open_network
from martlet.workflows.predict_boxes import predict_boxes

NAME = "boxes_vs_peers"
BATCH = 8


class Trained(NamedTuple):
    """What a way gives: its boxes of the test pictures, seconds of training, params."""

    answers: list[Answers]
    seconds: float
    params: int


class Task(NamedTuple):
    """What all ways are given."""

    root: Path
    listing: BoxListing
    epochs: int
    side: int
    seed: int

    def part(self, name: str) -> list[int]:
        """Numbers of the pictures of a part."""
        return [n for n, part in enumerate(self.listing.parts) if part == name]


def by_martlet(task: Task, detector: str, model: str) -> Trained:
    """With the defaults."""
    with tempfile.TemporaryDirectory() as folder:
        run = martlet.train(
            task.root, boxes=task.root, model=model, detector=detector, image_size=task.side,
            epochs=task.epochs, batch_size=BATCH, seed=task.seed, folder=folder, log="none",
            quiet=True,
        )  # fmt: skip
        pictures = [task.listing.root / task.listing.pictures[n] for n in task.part("test")]
        found = predict_boxes(open_network(run.folder, "cpu"), pictures, output=None, threshold=0.0)
        network, header = checkpoint.load_model(run.folder)
    params = sum(weight.numel() for weight in network.parameters())
    answers = []
    for picture in found:
        boxes = picture.boxes
        answers.append(
            Answers(
                np.array([box[2:] for box in boxes], np.float32).reshape(-1, 4),
                np.array([box.score for box in boxes], np.float32),
                np.array([header.classes.index(box.label) for box in boxes], np.int64),
            )
        )
    return Trained(answers, run.metrics["seconds"], params)


def by_torchvision(task: Task) -> Trained:
    """Its SSDLite on MobileNetV3, whose pictures are 320 pixels at a side."""
    from torchvision.models.detection import ssdlite320_mobilenet_v3_large

    torch.manual_seed(task.seed)
    model = ssdlite320_mobilenet_v3_large(
        weights=None, weights_backbone=None, num_classes=1 + len(task.listing.classes)
    )
    seconds = train_plainly(
        model, task.listing, task.part("train"), epochs=task.epochs, batch=BATCH
    )
    params = sum(weight.numel() for weight in model.parameters())
    return Trained(found_plainly(model, task.listing, task.part("test")), sum(seconds), params)


def by_ultralytics(task: Task, model: str) -> Trained:
    """With its defaults, from its own fresh weights."""
    from ultralytics import YOLO

    with tempfile.TemporaryDirectory() as folder:
        data = _as_yolo(task, Path(folder))
        network = YOLO(f"{model}.yaml")
        started = time.perf_counter()
        network.train(
            data=str(data), epochs=task.epochs, imgsz=task.side, batch=BATCH, seed=task.seed,
            device="cpu", workers=1, pretrained=False, amp=False, val=False, plots=False,
            project=folder, name="run", verbose=False,
        )  # fmt: skip
        seconds = time.perf_counter() - started
        network = YOLO(str(Path(folder) / "run" / "weights" / "last.pt"))
        answers = []
        for number in task.part("test"):
            path = task.listing.root / task.listing.pictures[number]
            (found,) = network.predict(
                str(path), imgsz=task.side, conf=0.001, iou=0.7, max_det=100, device="cpu",
                verbose=False,
            )  # fmt: skip
            boxes = found.boxes
            answers.append(
                Answers(boxes.xyxy.numpy(), boxes.conf.numpy(), boxes.cls.numpy().astype(np.int64))
            )
    params = sum(weight.numel() for weight in network.model.parameters())
    return Trained(answers, seconds, params)


def _as_yolo(task: Task, folder: Path) -> Path:
    """The same lists as files that Ultralytics reads."""
    for part in ("train", "val", "test"):
        (folder / "images" / part).mkdir(parents=True)
        (folder / "labels" / part).mkdir(parents=True)
        for number in task.part(part):
            picture = task.listing.root / task.listing.pictures[number]
            (folder / "images" / part / picture.name).symlink_to(picture.resolve())
            width, height = task.listing.sizes[number]
            boxes = task.listing.boxes[number]
            lines = []
            for label, (left, top, right, bottom) in zip(boxes.labels, boxes.corners, strict=True):
                middle = (left + right) / 2 / width, (top + bottom) / 2 / height
                sides = (right - left) / width, (bottom - top) / height
                numbers = " ".join(f"{value:.6f}" for value in (*middle, *sides))
                lines.append(f"{label} {numbers}\n")
            (folder / "labels" / part / f"{picture.stem}.txt").write_text("".join(lines))
    names = ", ".join(task.listing.classes)
    parts = "".join(f"{part}: images/{part}\n" for part in ("train", "val", "test"))
    path = folder / "data.yaml"
    path.write_text(f"path: {folder}\n{parts}names: [{names}]\n")
    return path


WAYS: dict[str, Callable[[Task], Trained]] = {
    "lite, shufflenet_v2_x1_0": lambda task: by_martlet(task, "lite", "shufflenet_v2_x1_0"),
    "ssdlite, mobilenet_v3_large": lambda task: by_martlet(
        task, "ssdlite", "mobilenet_v3_large_x1_0"
    ),
    "torchvision's ssdlite320": by_torchvision,
    "Ultralytics' yolo11n": lambda task: by_ultralytics(task, "yolo11n"),
}


def measure(root: Path, ways: Sequence[str], seeds: Sequence[int], epochs: int, side: int) -> None:
    """A row for each that has none."""
    listing = read_boxes(root, [root])
    known = {(row["way"], row["seed"], row["epochs"], row["side"]) for row in rows_of(NAME)}
    for seed in seeds:
        task = Task(root, listing, epochs, side, seed)
        boxes = [listing.boxes[number] for number in task.part("test")]
        truth = [Truth(one.corners, one.labels, one.crowd) for one in boxes]
        for way in ways:
            if (way, str(seed), str(epochs), str(side)) in known:
                continue
            if "Ultralytics" in way and importlib.util.find_spec("ultralytics") is None:
                print(f"{way}: not installed, passed over")
                continue
            found = WAYS[way](task)
            metrics = evaluate_boxes(found.answers, truth, listing.classes).metrics
            add_row(
                NAME,
                {
                    "way": way, "seed": seed, "epochs": epochs, "side": side, "batch": BATCH,
                    **{name: f"{metrics[name]:.4f}" for name in ("ap", "ap50", "ap75")},
                    "ap50_of_classes": " ".join(
                        f"{own['class']}:{own['ap50']:.3f}" for own in metrics["per_class"]
                    ),
                    "params": found.params, "seconds": round(found.seconds),
                    "threads": torch.get_num_threads(),
                },
            )  # fmt: skip


def table(written: Callable[[Sequence[str], Sequence[Sequence[str]]], str]) -> str:
    """Mean and range over the seeds."""
    found: dict[tuple[str, ...], list[dict[str, str]]] = defaultdict(list)
    for row in rows_of(NAME):
        found[row["way"], row["epochs"], row["side"]].append(row)
    lines = []
    for (way, epochs, side), rows in found.items():
        figures = [spread([100 * float(row[name]) for row in rows]) for name in ("ap50", "ap")]
        minutes = np.mean([float(row["seconds"]) for row in rows]) / 60
        at = [f"{epochs} of {side} pixels", str(len(rows)), f"{minutes:.0f}"]
        lines.append([way, f"{int(rows[0]['params']):,}", *figures, *at])
    heads = ["detector", "params", "AP50, %", "AP, %", "epochs", "seeds", "minutes"]
    return written(heads, lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", nargs="?", type=Path)
    parser.add_argument("--ways", nargs="+", choices=list(WAYS), default=list(WAYS))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--side", type=int, default=320)
    parser.add_argument("--table", action="store_true")
    given = parser.parse_args()
    if given.table:
        print(table(lambda heads, lines: "\n".join(" | ".join(one) for one in (heads, *lines))))
    elif given.data is not None:
        measure(given.data, given.ways, given.seeds, given.epochs, given.side)
    else:
        parser.error("data is needed, or --table")


if __name__ == "__main__":
    main()
