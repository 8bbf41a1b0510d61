"""Boxes of several classes in each picture."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.boxes.samples import BoxSamples
from martlet.data.class_names import one_form
from martlet.data.kind import Samples
from martlet.errors import MartletError
from martlet.measuring.box_errors import MISSED, RIGHT, count_kinds, kinds_of
from martlet.measuring.boxes import Answers, BoxEvaluation, Truth, evaluate_boxes
from martlet.report.box_sheet import Box, BoxPicture, draw_boxes
from martlet.report.precision_curves import draw_precision
from martlet.report.result import points
from martlet.tasks.classification import check
from martlet.tasks.prediction import Prediction
from martlet.tasks.task import LossOptions, Scored, Task

if TYPE_CHECKING:
    from torch import Tensor

SHEET, PRECISION = "boxes.png", "precision.png"
PICTURES = 12  # on the sheet


def outputs(samples: Samples) -> tuple[str, ...]:
    """The classes of the boxes."""
    return samples.classes


def targets(samples: Samples, classes: Sequence[str]) -> NDArray[np.float32]:
    """(pictures, rows, 8) as `BoxSamples.targets` has them, in the network's numbering.

    Raises MartletError for a class that the network does not know.
    """
    assert isinstance(samples, BoxSamples)
    check(samples.root, samples.classes, classes)
    numbers = {one_form(name): number for number, name in enumerate(classes)}
    return samples.targets([numbers[one_form(name)] for name in samples.classes])


def loss(outputs: "Tensor", targets: "Tensor", recipe: LossOptions) -> "Tensor":
    """Of what the detector that is usual puts out in training."""
    from martlet.tasks.detection.loss import detection_loss

    return detection_loss(outputs, targets)


def ssd_loss(outputs: "Tensor", targets: "Tensor", recipe: LossOptions) -> "Tensor":
    """Of what SSDLite puts out in training."""
    from martlet.tasks.detection.ssd_loss import ssd_loss

    return ssd_loss(outputs, targets)


def inside(outputs: "Tensor", targets: "Tensor", recipe: LossOptions) -> "Tensor":
    """Of a detector that computes its loss itself: the sum of its parts."""
    return outputs.sum()


def of_network(options: Mapping[str, Any]) -> Task:
    """The task with the loss of the detector that these options of a network name."""
    detector = options["detector"]
    return replace(DETECTION, loss=LOSSES[detector], inside=LOSSES[detector] is inside)


def counts(outputs: "Tensor", targets: "Tensor") -> "dict[str, Tensor]":
    """Nothing is counted step by step: what is found is known behind the selection alone."""
    return {}


def validated(
    outputs: NDArray[np.float32], targets: NDArray[np.float32], classes: Sequence[str]
) -> dict[str, float]:
    """Average precision over a part, of selected boxes."""
    found = evaluate_boxes(*in_own_pixels(outputs, targets), classes).metrics
    return {name: found[name] or 0.0 for name in ("ap", "ap50")}


def better(row: Mapping[str, float]) -> tuple[float, ...]:
    """Highest average precision on the validation part, by COCO's mean over overlaps."""
    return (row["val_ap"],)


def evaluate(
    outputs: NDArray[np.float32], targets: NDArray[np.float32], classes: Sequence[str]
) -> BoxEvaluation:
    """COCO's figures, in pixels of the pictures themselves, and kinds of mistakes.

    outputs: (pictures, 100, 6) of `Selecting`; targets: (pictures, rows, 8).
    """
    answers, truth = in_own_pixels(outputs, targets)
    found = evaluate_boxes(answers, truth, classes)
    found.metrics["mistakes"] = count_kinds(answers, truth)
    return found


def in_own_pixels(
    outputs: NDArray[np.float32], targets: NDArray[np.float32]
) -> tuple[list[Answers], list[Truth]]:
    """What was found and what there was, picture by picture; arguments as of `evaluate`."""
    answers = [answers_of(one, wanted[0, 6:]) for one, wanted in zip(outputs, targets, strict=True)]
    return answers, [truth_of(wanted) for wanted in targets]


def answers_of(rows: NDArray[np.float32], scale: NDArray[np.float32]) -> Answers:
    """Selected boxes of one picture, in its own pixels; scale: of x and y."""
    real = rows[rows[:, 5] >= 0]
    return Answers(real[:, :4] * np.tile(scale, 2), real[:, 4], real[:, 5].astype(np.int64))


def truth_of(rows: NDArray[np.float32]) -> Truth:
    """The boxes that a picture has, in its own pixels."""
    real = rows[rows[:, 0] >= 0]
    corners = real[:, 1:5] * np.tile(rows[0, 6:], 2)
    return Truth(corners, real[:, 0].astype(np.int64), real[:, 5] > 0)


def told(network: str, metrics: Mapping[str, Any]) -> list[str]:
    """The result in sentences."""
    part, boxes, mistakes = metrics["part"], metrics["boxes"], metrics["mistakes"]
    figures = ", ".join(
        f"{name} {points(metrics[key])}"
        for name, key in (("AP", "ap"), ("AP50", "ap50"), ("AP75", "ap75"))
    )
    kinds = ", ".join(f"{count} {name}" for name, count in mistakes.items() if count)
    chosen = " It also chose the best epoch, so it is a little optimistic." if part == "val" else ""
    trained = " It was trained on them: this is no measure of new pictures." * (part == "train")
    return [
        f"{network} on the {part} part, {metrics['pictures']} pictures with {boxes} boxes: "
        f"{figures}.{chosen}{trained}",
        f"Boxes with a score of 0.3 or more: {kinds}.",
    ]


def draw(found: BoxEvaluation, scored: Scored) -> None:
    """boxes.png: the pictures with most mistakes; precision.png: a curve a class."""
    draw_precision(found.precision, scored.outputs, scored.folder / PRECISION)
    draw_boxes(sheet(found, scored), scored.folder / SHEET, title="The most mistakes first")


def sheet(found: BoxEvaluation, scored: Scored) -> list[BoxPicture]:
    """The pictures with most mistakes, what was found and what was missed in each."""
    assert isinstance(scored.samples, BoxSamples)
    kinds = [kinds_of(*pair) for pair in zip(found.answers, found.truth, strict=True)]
    mistakes = [
        sum(kind not in ("", RIGHT) for kind in of_answers) + sum(missed)
        for of_answers, missed in kinds
    ]
    order = np.argsort(-np.array(mistakes), kind="stable")[:PICTURES]
    shown = []
    for number in order:
        index = scored.indices[number]
        boxes = told_boxes(
            found.answers[number], found.truth[number], kinds[number], scored.outputs
        )
        pixels = scored.preprocess.crop(scored.samples[index])
        across, down = scored.samples.scale(index)
        size = pixels.shape[1] * across, pixels.shape[0] * down
        shown.append(BoxPicture(pixels, size, boxes, Path(scored.samples.names[index]).name))
    return shown


def told_boxes(
    answers: Answers, truth: Truth, kinds: tuple[list[str], list[bool]], names: Sequence[str]
) -> list[Box]:
    """The boxes of one picture for the sheet: what was sure enough, and what was missed."""
    of_answers, missed = kinds
    found = [
        Box(corners.tolist(), kind, f"{names[label]} {score:.2f}")
        for corners, score, label, kind in zip(
            answers.corners, answers.scores, answers.classes, of_answers, strict=True
        )
        if kind
    ]
    return found + [
        Box(truth.corners[k].tolist(), MISSED, names[truth.classes[k]])
        for k in np.flatnonzero(missed)
    ]


def answer(name: str, outputs: NDArray[Any], classes: Sequence[str], count: int) -> Prediction:
    """Boxes are no answer of a single class."""
    raise MartletError(f"{name}: boxes are no single answer; martlet.predict lists them.")


DETECTION = Task(
    name="detection",
    outputs=outputs,
    check=check,
    targets=targets,
    loss=loss,
    counts=counts,
    better=better,
    evaluate=evaluate,
    told=told,
    draw=draw,
    answer=answer,
    curve=("ap50", "AP50"),
    validated=validated,
    of_network=of_network,
)

# Of each detector; models/detectors lists them.
LOSSES = {
    "lite": loss,
    "ssdlite": ssd_loss,
    "faster_rcnn": inside,
    "faster_rcnn_mobile": inside,
}
