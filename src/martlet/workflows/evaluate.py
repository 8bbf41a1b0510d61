"""How `evaluate` picks the samples to score and scores them."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.console.progress import Voice
from martlet.data import kinds
from martlet.data.pictures.views import VIEWS, Views
from martlet.data.saved_split import digest, held_out
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.data.scenes.strips import pixel_logits
from martlet.data.series.kind import SERIES
from martlet.errors import MartletError
from martlet.inference import Network
from martlet.inference.views import ManyViews, over_views
from martlet.measuring.accuracy import called
from martlet.memory import eval_batch_size
from martlet.only_for import Limited, refuse_others
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import SPLIT, read_json
from martlet.workflows.samples import noun_of, read_samples
from martlet.workflows.train.calibration import believed

OF_FILES = (
    *("labels", "array", "labels_array", "bands_axis", "class_names"),  # of scenes
    *("path_column", "label_column", "group_by", "part_column", "root"),  # of lists of pictures
    *("boxes", "boxes_for"),
)


def score(
    run: Path,
    data: Path,
    split: str,
    max_bad: float,
    device: str,
    quiet: bool,
    options: Mapping[str, Any] | None = None,
    given: Limited | None = None,
) -> dict[str, Any]:
    """The metrics of `evaluate`.

    options: where the files of a scene lie, which columns of a list are meant, what neither says,
    and tta; given: of all options those that some kinds of data alone have. Raises MartletError for
    those of another kind.
    """
    network, voice = open_network(run, device), Voice(quiet)
    kind = kinds.find(network.preprocess.kind)
    refuse_others(given or {}, data=kind.data, taker=run)
    noun = kind.noun
    files = SimpleNamespace(**{**dict.fromkeys(OF_FILES), **(options or {})})
    saved = None if split == "all" else its_split(run, network)

    def check(names: Sequence[str]) -> None:
        network.task.check(data, names, network.classes)

    samples = read_samples(
        data,
        network.preprocess,
        voice,
        options=None if kind is SERIES else files,
        max_bad=max_bad,
        min_classes=1,
        check=check,
    )
    for sentence in samples.odd:
        voice.say(sentence)
    targets = network.task.targets(samples, network.classes)
    seen: Sequence[str | None] = [None] * len(targets)
    if saved is not None:
        seen = held_out(samples.digests, saved, samples.groups)
        if noun == "pixels" and not any(seen):
            voice.say(f"None of the pixels of {data} lies, with its spectrum, in the run's scene.")
    chosen, left_out = choose(split, samples.parts, seen)
    if not chosen:
        raise MartletError(
            f"split={split} leaves none of the {noun} of {data} to score "
            f"({', '.join(f'{n} {why}' for why, n in left_out.items())}); "
            f"use other {noun} or --split all."
        )
    for why, count in left_out.items():
        voice.say(f"{count} {noun} left out: {why}")
    tta: Views = (options or {}).get("tta", "none")
    logits = logits_of(over_views(network, tta), samples, chosen)
    found = network.task.evaluate(logits, targets[chosen], network.classes)
    metrics = {"part": split, "left_out": dict(left_out), **called(found.metrics, noun)}
    metrics |= {} if tta == "none" else {"tta": tta}
    if network.task.calibrated:
        metrics |= believed(
            logits, targets[chosen], network.classes, network.temperature, network.unknown
        )
    if saved is not None and saved.get("caution") and split in ("val", "test"):
        metrics["caution"] = saved["caution"]
    if saved is not None and "protocol" in saved:
        metrics["protocol"] = saved["protocol"]
    return metrics


def logits_of(network: Network, samples: Any, chosen: Sequence[int]) -> NDArray[np.float32]:
    """Raw outputs (number, classes) for these samples; pixels of a scene get theirs by strips."""
    preprocess = network.preprocess
    if isinstance(preprocess, ScenePreprocess):
        return pixel_logits(network.logits, samples, chosen, preprocess, any_size=network.any_size)
    logits = []
    batch = eval_batch_size(preprocess.shape)
    if isinstance(network, ManyViews):
        batch = max(1, batch // VIEWS[network.tta])
        for start in range(0, len(chosen), batch):
            several = [network.inputs(samples[i]) for i in chosen[start : start + batch]]
            logits.append(network.logits(np.stack(several)))
        return np.concatenate(logits)
    for start in range(0, len(chosen), batch):
        crops = [preprocess.crop(samples[i]) for i in chosen[start : start + batch]]
        logits.append(network.logits(preprocess.normalise(np.stack(crops))))
    return np.concatenate(logits)


def its_split(run: Path, network: Network) -> Any:
    """The split that the network was trained with, which tells the samples it knows from others.

    Raises MartletError when it is missing, was changed, or is that of another run.
    """
    path = (run if run.is_dir() else run.parent) / SPLIT
    noun = noun_of(network.preprocess)
    if not path.exists():
        raise MartletError(
            f"{run} has no {SPLIT} beside it, so {noun} that the network was trained on cannot "
            f"be told apart; copy it there, or score all {noun} with --split all."
        )
    saved = read_json(path)
    if digest(saved) != network.meta.get("split"):
        raise MartletError(
            f"{path} is not the split that {run} was trained with, so {noun} that the network "
            "was trained on cannot be told apart; the command that trained it writes it anew with "
            f"--resume, and --split all scores all {noun}."
        )
    return saved


def choose(
    split: str, parts: Sequence[str | None], seen: Sequence[str | None]
) -> tuple[list[int], Counter[str]]:
    """Numbers of the samples to score, and how many were left out for which reason.

    `parts`: the part by folder; `seen`: the part that the sample's content had in the run.
    """
    reasons = {
        "train": "the run trained on them",
        "val": "they chose the run's epoch",
        "test": f"they are of the run's test part, not of {split}",
        "dropped": "the run's split left them out: pixels between its parts, copies, or new ones",
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
