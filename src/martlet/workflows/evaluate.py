"""How `evaluate` picks the pictures to score and scores them."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.console.progress import Voice
from martlet.data.split import held_out
from martlet.errors import MartletError
from martlet.measuring.accuracy import evaluation
from martlet.workflows.open_network import open_network
from martlet.workflows.pictures import Pictures, odd_files, read_pictures
from martlet.workflows.run_folder import SPLIT, read_json

BATCH = 64


def score(
    run: Path, data: Path, split: str, max_bad: float, device: str, voice: Voice
) -> dict[str, Any]:
    """The metrics of `evaluate`."""
    network = open_network(run, device)
    pictures = read_pictures(data, network.preprocess, voice, max_bad=max_bad, min_classes=1)
    for sentence in odd_files(pictures):
        voice.say(sentence)
    labels = relabel(pictures, network.classes)
    path = (run if run.is_dir() else run.parent) / SPLIT
    seen: Sequence[str | None] = [None] * len(labels)
    if path.exists():
        seen = held_out(pictures.cache.digests, read_json(path))
    elif split != "all":
        raise MartletError(
            f"{run} has no {SPLIT} beside it, so pictures that the network was trained on cannot "
            "be told apart; copy it there, or score all pictures with --split all."
        )
    chosen, left_out = choose(split, pictures.parts, seen)
    if not chosen:
        raise MartletError(
            f"split={split} leaves no picture of {data} to score "
            f"({', '.join(f'{n} {why}' for why, n in left_out.items())}); "
            "use other pictures or --split all."
        )
    for why, count in left_out.items():
        voice.say(f"{count} pictures left out: {why}")
    logits = []
    for start in range(0, len(chosen), BATCH):
        crops = [network.preprocess.crop(pictures.cache[i]) for i in chosen[start : start + BATCH]]
        logits.append(network.logits(network.preprocess.normalise(np.stack(crops))))
    found = evaluation(np.concatenate(logits), labels[chosen], network.classes)
    return {"part": split, "left_out": dict(left_out), **found.metrics}


def relabel(pictures: Pictures, classes: Sequence[str]) -> NDArray[np.int64]:
    """Labels in the network's numbering; raises MartletError for a class it does not know."""
    numbers = {name: number for number, name in enumerate(classes)}
    strange = [name for name in pictures.listing.classes if name not in numbers]
    if strange:
        raise MartletError(
            f"{pictures.listing.root} has classes that the network does not know: "
            f"{', '.join(strange[:5])}; it knows {', '.join(classes[:8])}"
            f"{', …' if len(classes) > 8 else ''}."
        )
    return np.array([numbers[pictures.listing.classes[label]] for label in pictures.labels])


def choose(
    split: str, parts: Sequence[str | None], seen: Sequence[str | None]
) -> tuple[list[int], Counter[str]]:
    """Numbers of the pictures to score, and how many were left out for which reason.

    `parts`: the part by folder; `seen`: the part that the picture's content had in the run.
    """
    reasons = {
        "train": "the run trained on them",
        "val": "they chose the run's epoch",
        "test": f"they are of the run's test part, not of {split}",
        None: f"not of the part {split}",
    }
    chosen: list[int] = []
    left_out: Counter[str] = Counter()
    for number, (part, before) in enumerate(zip(parts, seen, strict=True)):
        new_and_fitting = before is None and (part or "test") == split
        if split == "all" or before == split or new_and_fitting:
            chosen.append(number)
        else:
            left_out[reasons[before]] += 1
    return chosen, left_out
