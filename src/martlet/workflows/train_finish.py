"""The end of `train`: the best weights are scored on the held-out part and the report is made."""

from pathlib import Path

import numpy as np

from martlet.console.progress import Voice
from martlet.data.pictures.batches import EvalBatches
from martlet.data.split import Split
from martlet.measuring.accuracy import Evaluation, evaluation, log_softmax
from martlet.measuring.machine import machine
from martlet.report.confusion import draw_confusion
from martlet.report.curves import draw_curves
from martlet.report.predictions import Shown, draw_predictions
from martlet.report.result import caveats, sentence
from martlet.training import checkpoint
from martlet.training.evaluate import predict_logits
from martlet.training.loop import Job
from martlet.training.run_files import MODEL
from martlet.training.state import State
from martlet.workflows.pictures import Pictures, odd_files
from martlet.workflows.report_page import write_report
from martlet.workflows.run_folder import Run

SHEET = 24  # pictures on the sheet of predictions


def finish(
    job: Job,
    state: State,
    pictures: Pictures,
    split: Split,
    counts: dict[str, list[int]],
    command: str,
    voice: Voice,
) -> Run:
    """Score model.safetensors as it lies on the disk, note the metrics in it, draw, write."""
    path = job.folder / MODEL
    model, header = checkpoint.load_model(path)
    model.to(job.to_input.device)
    part = "test" if split.test else "val" if split.val else "train"
    indices = getattr(split, part)
    batches = EvalBatches(
        pictures.cache, pictures.labels, indices, preprocess=header.preprocess, batch_size=64
    )
    found = evaluation(*predict_logits(model, batches, job.to_input), header.classes)
    metrics = {"part": part, "best_epoch": int(state.best_row()["epoch"]), **found.metrics}
    metrics |= {"counts": counts, "odd": odd_files(pictures)}
    metrics |= {"command": command, "machine": machine(), "versions": checkpoint.versions()}
    checkpoint.save(path, model.state_dict(), header.with_metrics(metrics))

    draw_curves(state.history, job.folder / "curves.png", best=metrics["best_epoch"])
    draw_confusion(found.confusion, header.classes, job.folder / "confusion.png")
    shown = sheet(found, pictures, indices, job)
    draw_predictions(shown, job.folder / "predictions.png")
    write_report(job.folder)
    correct, total = round(metrics["top1"] * metrics["pictures"]), metrics["pictures"]
    support = [(row["class"], row["support"]) for row in metrics["per_class"]]
    voice.say(sentence(header.network.name, part, correct, total))
    for caveat in caveats(part, part == "val", correct, total, support):
        voice.say(caveat)
    return Run(job.folder, metrics)


def sheet(found: Evaluation, pictures: Pictures, indices: tuple[int, ...], job: Job) -> list[Shown]:
    """The most confident mistakes first, then the least confident right answers."""
    answers = found.logits.argmax(axis=1)
    probability = np.exp(log_softmax(found.logits).max(axis=1))
    wrong = answers != found.labels
    order = np.lexsort((np.where(wrong, -probability, probability), ~wrong))[:SHEET]
    classes, preprocess = job.header.classes, job.header.preprocess
    return [
        Shown(
            pixels=preprocess.crop(pictures.cache[indices[i]]),
            truth=classes[found.labels[i]],
            predicted=classes[answers[i]],
            probability=float(probability[i]),
            name=Path(pictures.cache.pictures[indices[i]].path).name,
        )
        for i in order
    ]
