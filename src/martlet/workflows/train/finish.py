"""The end of `train`: the best weights are scored on the held-out part and the report is made."""

from collections.abc import Sequence
from datetime import datetime
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.console.progress import Voice
from martlet.data.batches import EvalBatches
from martlet.data.kind import AnyPreprocess, Samples, ToInput
from martlet.data.pictures.near_duplicates import Alike
from martlet.data.split import Split
from martlet.errors import MartletError
from martlet.measuring.accuracy import called
from martlet.measuring.machine import machine
from martlet.models.classifier import Classifier
from martlet.report.curves import draw_curves
from martlet.tasks.task import Scored
from martlet.tasks.temperature import divided
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.evaluate import evidence_maps, predict_logits
from martlet.training.job import Job
from martlet.training.run_files import MODEL
from martlet.training.state import State
from martlet.version import versions
from martlet.workflows.checks import near_duplicates
from martlet.workflows.report_page import write_report
from martlet.workflows.run_folder import RELIABILITY, Run
from martlet.workflows.samples import noun_of
from martlet.workflows.train.calibration import believed, draw_calibration, fitted
from martlet.workflows.train.few import of_head
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.scene import map_scene, of_scene
from martlet.workflows.train.tiles import scored_batches
from martlet.workflows.train.views import several_views, told_views


def finish(
    job: Job,
    state: State,
    samples: Samples,
    split: Split,
    alike: Sequence[Alike],
    counts: dict[str, list[int]],
    options: TrainOptions,
    command: str,
    voice: Voice,
) -> Run:
    """Score model.safetensors as it lies on the disk, note the metrics in it, draw, write.

    alike: pictures that are nearly the same as one of an earlier part.

    Its temperature and threshold are fitted first, on the validation part; the figures are those of
    the calibrated network.
    """
    path, ranks = job.folder / MODEL, job.ranks
    ranks.meet(patient=True)  # the first process has written it
    model, header = checkpoint.load_model(path)
    if header.split != job.header.split:
        raise MartletError(f"{path} was trained with another split; train again with --overwrite.")
    model.to(job.to_input.device)
    part = "test" if split.test else "val" if split.val else "train"
    indices = getattr(split, part)
    outputs, truth, header, how = calibrated(job, model, header, samples, split, part, options)
    if not ranks.first:
        ranks.meet(patient=True)
        return Run(job.folder, checkpoint.load_header(path).metrics)
    found = job.task.evaluate(outputs, truth, header.classes)
    best_epoch = int(state.best_row(job.task.better)["epoch"])
    named = called(found.metrics, noun_of(header.preprocess))
    metrics = {"part": part, "best_epoch": best_epoch, **named, **how}
    metrics |= {"counts": counts, "seconds": round(state.seconds, 1), **of_data(samples, split)}
    fit, told = of_head(job.header, best_epoch)
    metrics |= fit | ({"notes": [*metrics.get("notes", ()), *told]} if told else {})
    metrics |= {} if getattr(model, "exported", True) else {"exported": False}
    metrics |= {"date": f"{datetime.now():%Y-%m-%d %H:%M}"}
    metrics |= {"command": command, "machine": machine(), "versions": versions()}
    header = header.with_metrics(metrics)
    checkpoint.save(path, model.state_dict(), header)

    draw_curves(state.history, job.folder / "curves.png", best_epoch, job.task.curve)
    evidence = partial(evidence_for, model, header.preprocess, job.to_input, samples)
    scored = Scored(
        samples, indices, header.classes, header.preprocess, job.folder, split, evidence
    )
    job.task.draw(found, scored)
    if job.task.calibrated:
        draw_calibration(outputs, truth, header.temperature, job.folder / RELIABILITY)
    near_duplicates.draw(samples, alike, job.folder)
    map_scene(job.folder, samples, job.to_input.device.type, voice)
    write_report(job.folder, header, model)
    for sentence in (*job.task.told(header.network.name, metrics), *told_views(metrics)):
        voice.say(sentence)
    ranks.meet()
    return Run(job.folder, metrics)


def calibrated(
    job: Job,
    model: Classifier,
    header: Header,
    samples: Samples,
    split: Split,
    part: str,
    options: TrainOptions,
) -> tuple[NDArray[np.float32], NDArray[Any], Header, dict[str, Any]]:
    """Outputs and targets of a part, the header with temperature and threshold, and what the
    metrics say of these.
    """
    targets, preprocess = job.task.targets(samples, header.classes), header.preprocess

    def outputs_of(chosen: Sequence[int]) -> tuple[NDArray[np.float32], NDArray[Any]]:
        batches = scored_batches(model, samples, targets, chosen, preprocess)
        return predict_logits(job.through(model), batches, job.to_input, job.ranks)

    indices = getattr(split, part)
    plain, truth = outputs_of(indices)
    taken = (model, samples, indices, preprocess, job.to_input, options.tta, job.ranks)
    outputs, how = several_views((plain, truth), *taken)
    if how and not (job.recipe.flip or job.recipe.flip_alternating):
        how["never_mirrored"] = True
    if job.task.calibrated:
        val = (plain, truth) if part == "val" else outputs_of(split.val) if split.val else None
        header, calibration = fitted(header, val, options.reject)
        how |= calibration
        outputs = divided(outputs, header.temperature)
        how |= believed(outputs, truth, header.classes, header.temperature, header.unknown)
    return outputs, truth, header, how


def of_data(samples: Samples, split: Split) -> dict[str, Any]:
    """What the metrics say of the data, and of how they are split."""
    said = {"notes": list(split.notes), "caution": split.caution, "protocol": dict(split.protocol)}
    given = {name: value for name, value in said.items() if value}
    return {"odd": samples.odd, **given, **of_scene(samples)}


def evidence_for(
    model: Classifier,
    preprocess: AnyPreprocess,
    to_input: ToInput,
    samples: Samples,
    numbers: Sequence[int],
    classes: Sequence[int],
) -> NDArray[np.float32]:
    """What each place of these samples says for the class that is given for each."""
    asked = np.zeros(len(samples), np.int64)
    asked[list(numbers)] = classes
    batches = EvalBatches(samples, asked, numbers, preprocess=preprocess)
    return evidence_maps(model, batches, to_input)
