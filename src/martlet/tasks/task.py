"""What a task is to the rest: from labels to targets, and from outputs to answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from numpy.typing import NDArray

from martlet.data.kind import AnyPreprocess, Samples
from martlet.data.split import Split
from martlet.tasks.prediction import Prediction

if TYPE_CHECKING:
    from torch import Tensor


class LossOptions(Protocol):
    """What a loss reads of the recipe."""

    @property
    def label_smoothing(self) -> float: ...


class Found(Protocol):
    """What the evaluation of a part found: figures, and whatever `draw` needs besides."""

    @property
    def metrics(self) -> dict[str, Any]:
        """JSON-safe."""


@dataclass(frozen=True)
class Scored:
    """The part that was evaluated, and the folder for its pictures.

    evidence: (numbers of samples, a class each) -> what each place of a sample's input adds to the
        logit of its class: (N, rows, columns) of pictures, (N, time) of recordings.
    """

    samples: Samples
    indices: Sequence[int]
    outputs: tuple[str, ...]
    preprocess: AnyPreprocess
    folder: Path
    split: Split | None = None  # all parts, where there are any
    evidence: Callable[[Sequence[int], Sequence[int]], NDArray[Any]] | None = None


@dataclass(frozen=True)
class Task:
    """Functions; training, evaluation and prediction know no more of a task than these.

    outputs: names of the network's outputs, for these samples.
    check: (where samples lie, names of their classes, names of the outputs), before the samples are
        read. Raises MartletError when the outputs cannot express these classes.
    targets: (samples, names of the outputs) -> one target a sample, (N, ...). Raises MartletError
        when the outputs cannot express them.
    loss: (outputs, targets, recipe) -> the mean over a batch. Targets that a batch transform mixed
        come here too.
    weighted_loss: (outputs, targets, recipe, weights (classes,)) -> the loss, each sample weighed
        by its class; None for tasks without classes.
    counts: (outputs, targets) -> sums over a batch by name, of which the mean a sample is shown
        and noted in metrics.csv as train_NAME and val_NAME.
    validated: (outputs, targets, names of the outputs) -> figures of the validation part by name,
        in place of the loss and the counts, which the outputs of evaluation are not always for.
    better: an epoch's row of metrics.csv -> what is highest for the best one; val_loss and the
        val_NAMEs, or what `validated` gives, are in it.
    evaluate: (outputs, targets, names) -> the figures of a part.
    told: (network's name, figures with "part") -> the result in sentences.
    draw: writes pictures of the result.
    calibrated: the outputs are logits of classes: their temperature, and a threshold of unknown
        samples, are fitted on the validation part.
    curve: what is drawn over the epochs beside the loss: a NAME of these, and what it is called.
    of_network: (the network's options) -> the task with the loss of this network, where networks of
        the task differ in it; None where they do not.
    inside: the network computes the loss in training, for it draws samples by the targets: it is
        called with inputs and targets, and `loss` gets what it gives.
    answer: (name, outputs of one sample, names of the outputs, how many) -> what `predict` says.
    """

    name: str
    outputs: Callable[[Samples], tuple[str, ...]]
    check: Callable[[Path, Sequence[str], Sequence[str]], None]
    targets: Callable[[Samples, Sequence[str]], NDArray[Any]]
    loss: "Callable[[Tensor, Tensor, LossOptions], Tensor]"
    counts: "Callable[[Tensor, Tensor], dict[str, Tensor]]"
    better: Callable[[Mapping[str, float]], tuple[float, ...]]
    evaluate: Callable[[NDArray[Any], NDArray[Any], Sequence[str]], Found]
    told: Callable[[str, Mapping[str, Any]], list[str]]
    draw: Callable[[Any, Scored], None]
    answer: Callable[[str, NDArray[Any], Sequence[str], int], Prediction]
    weighted_loss: "Callable[[Tensor, Tensor, LossOptions, Tensor], Tensor] | None" = None
    calibrated: bool = False
    curve: tuple[str, str] = ("top1", "Accuracy")
    validated: Callable[[NDArray[Any], NDArray[Any], Sequence[str]], dict[str, float]] | None = None
    of_network: "Callable[[Mapping[str, Any]], Task] | None" = None
    inside: bool = False

    def weighing(self, class_weights: "Tensor") -> "Task":
        """The task, which has classes, with the loss that weighs each sample by its class."""
        weighted = self.weighted_loss
        assert weighted is not None
        return replace(
            self,
            loss=lambda outputs, targets, recipe: weighted(outputs, targets, recipe, class_weights),
        )
