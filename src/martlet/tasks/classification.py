"""One class of several for each sample."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from martlet.data import kinds
from martlet.data.class_names import one_form
from martlet.data.kind import Samples
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.measuring.accuracy import Evaluation, evaluation, number_of
from martlet.report.confusion import draw_confusion
from martlet.report.predictions import Shown, draw_predictions
from martlet.report.reliability import told_of_probabilities, told_of_unknown
from martlet.report.result import caveats, sentence
from martlet.report.windows import COLUMNS as WINDOWS
from martlet.report.windows import Window, draw_windows
from martlet.tasks.prediction import rank
from martlet.tasks.task import LossOptions, Scored, Task

if TYPE_CHECKING:
    from torch import Tensor

SHEET = 24  # pictures on the sheet of predictions
ORDER = "The surest mistakes first, then the least sure right answers"


def outputs(samples: Samples) -> tuple[str, ...]:
    """A logit a class."""
    return samples.classes


def check(root: Path, names: Sequence[str], classes: Sequence[str]) -> None:
    """Raises MartletError when `names`, the classes of the samples in `root`, are none of ours."""
    known = _numbers(classes)
    strange = [name for name in names if one_form(name) not in known]
    if strange:
        raise MartletError(
            f"{root} has classes that the network does not know: "
            f"{', '.join(strange[:5])}; it knows {', '.join(classes[:8])}"
            f"{', …' if len(classes) > 8 else ''}."
        )


def targets(samples: Samples, classes: Sequence[str]) -> NDArray[np.int64]:
    """Labels (N,) in the network's numbering; raises MartletError for a class it does not know."""
    check(samples.root, samples.classes, classes)
    numbers = _numbers(classes)
    renumbered = [numbers[one_form(name)] for name in samples.classes]
    return np.array([renumbered[label] for label in samples.labels], dtype=np.int64)


def _numbers(classes: Sequence[str]) -> dict[str, int]:
    return {one_form(name): number for number, name in enumerate(classes)}


def loss(logits: "Tensor", targets: "Tensor", recipe: LossOptions) -> "Tensor":
    """Cross entropy; targets are class numbers (N,) or probabilities (N, classes).

    Smoothed in validation as in training, so that the two curves can be compared.
    """
    import torch.nn.functional as F

    return F.cross_entropy(logits, targets, label_smoothing=recipe.label_smoothing)


def weighted_loss(
    logits: "Tensor", targets: "Tensor", recipe: LossOptions, class_weights: "Tensor"
) -> "Tensor":
    """The mean of the samples' cross entropies times the weights of their classes.

    Of a mixed target each part has the weight of its own class; what label smoothing spreads is
    weighed with the part that it is taken from. The sum is divided by the number of samples, not
    by their weights as torch's is: so parts of a batch add up to the whole.
    """
    import torch.nn.functional as F

    weights, smoothing = class_weights.to(logits.device), recipe.label_smoothing
    if targets.ndim == 1:
        each = F.cross_entropy(logits, targets, label_smoothing=smoothing, reduction="none")
        return (weights[targets] * each).mean()
    weighed = targets.to(weights.dtype) * weights
    spread = smoothing / targets.shape[1] * weighed.sum(dim=1, keepdim=True)
    return F.cross_entropy(logits, (1 - smoothing) * weighed + spread)


def counts(logits: "Tensor", targets: "Tensor") -> "dict[str, Tensor]":
    """Right answers; of mixed targets the most probable class is the right one."""
    truth = targets if targets.ndim == 1 else targets.argmax(dim=1)
    return {"top1": (logits.argmax(dim=1) == truth).sum()}


def better(row: Mapping[str, float]) -> tuple[float, ...]:
    """Highest accuracy on the validation part, then lowest loss."""
    return row["val_top1"], -row["val_loss"]


def told(network: str, metrics: Mapping[str, Any]) -> list[str]:
    """The result in a sentence, and what it cannot promise."""
    part, (total, noun) = metrics["part"], number_of(metrics)
    correct = round(metrics["top1"] * total)
    support = [(row["class"], row["support"]) for row in metrics["per_class"]]
    caution = [metrics["caution"]] if metrics.get("caution") else []
    result = sentence(network, part, correct, total, noun, optimistic=bool(caution))
    answered = metrics.get("classes_answered")
    known = caveats(part, part == "val", correct, total, support, answered, noun)
    return [result, *caution, *known, *told_of_probabilities(metrics), *told_of_unknown(metrics)]


def draw(found: Evaluation, scored: Scored) -> None:
    """confusion.png; of pictures predictions.png, of recordings windows.png."""
    noun = kinds.find(scored.preprocess.kind).noun
    draw_confusion(found.confusion, scored.outputs, scored.folder / "confusion.png", noun)
    if scored.preprocess.kind == "image":
        draw_predictions(sheet(found, scored), scored.folder / "predictions.png", title=ORDER)
    if isinstance(scored.preprocess, SeriesPreprocess) and scored.preprocess.fitted:
        examples, mistakes = windows(found, scored, scored.preprocess)
        draw_windows(
            examples,
            mistakes,
            scored.preprocess.channels,
            scored.folder / "windows.png",
            wrong=int((found.logits.argmax(axis=1) != found.labels).sum()),
            scored=len(found.labels),
            rate=scored.preprocess.rate,
        )


def sheet(found: Evaluation, scored: Scored) -> list[Shown]:
    """The most confident mistakes first, then the least confident right answers."""
    answers, probability = _answers(found)
    wrong = answers != found.labels
    order = np.lexsort((np.where(wrong, -probability, probability), ~wrong))[:SHEET]
    classes, samples = scored.outputs, scored.samples
    numbers = [scored.indices[i] for i in order]
    maps = _evidence(scored, numbers, answers[order])
    return [
        Shown(
            pixels=scored.preprocess.crop(samples[number]),
            truth=classes[found.labels[i]],
            predicted=classes[answers[i]],
            probability=float(probability[i]),
            name=Path(samples.names[number]).name,
            evidence=parts,
        )
        for i, number, parts in zip(order, numbers, maps, strict=True)
    ]


def windows(
    found: Evaluation, scored: Scored, preprocess: SeriesPreprocess
) -> tuple[list[list[Window]], list[Window]]:
    """Training windows of each class, spread over its recordings, and the most confident mistakes.

    They are those that were scored where it is not known what was trained on.
    """
    samples, classes = scored.samples, scored.outputs
    training = scored.indices if scored.split is None else scored.split.train
    own: dict[str, list[int]] = {name: [] for name in classes}
    for index in training:
        own.setdefault(samples.classes[samples.labels[index]], []).append(index)

    def window(index: int, **said: Any) -> Window:
        values = preprocess.normalise(preprocess.crop(samples[index]))[0]
        truth = samples.classes[samples.labels[index]]
        return Window(values, truth, samples.names[index], **said)

    examples = [[window(of[place]) for place in _spread(len(of), WINDOWS)] for of in own.values()]
    answers, probability = _answers(found)
    wrong = np.flatnonzero(answers != found.labels)
    order = wrong[np.argsort(-probability[wrong], kind="stable")][: 2 * WINDOWS]
    numbers = [scored.indices[i] for i in order]
    return examples, [
        window(n, predicted=classes[answers[i]], probability=float(probability[i]), evidence=parts)
        for i, n, parts in zip(
            order, numbers, _evidence(scored, numbers, answers[order]), strict=True
        )
    ]


def _evidence(
    scored: Scored, numbers: Sequence[int], answers: NDArray[np.int64]
) -> list[NDArray[Any] | None]:
    """What each of these samples has for its answer, where that is known."""
    if scored.evidence is None or not numbers:
        return [None] * len(numbers)
    return list(scored.evidence(numbers, answers.tolist()))


def _spread(count: int, most: int) -> list[int]:
    """Up to `most` of the numbers below `count`, evenly apart."""
    return [(2 * n + 1) * count // (2 * min(count, most)) for n in range(min(count, most))]


def _answers(found: Evaluation) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Each sample's answer and its probability."""
    from scipy.special import log_softmax

    logits = found.logits.astype(np.float64)
    return logits.argmax(axis=1), np.exp(log_softmax(logits, axis=1).max(axis=1))


CLASSIFICATION = Task(
    name="classification",
    outputs=outputs,
    check=check,
    targets=targets,
    loss=loss,
    counts=counts,
    better=better,
    evaluate=evaluation,
    told=told,
    draw=draw,
    answer=rank,
    weighted_loss=weighted_loss,
    calibrated=True,
)
