"""Metrics of a classifier from its logits; the formulas are scikit-learn's."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.measuring.calibration import calibration

PICTURES = "pictures"  # how many were scored, where no "noun" says another name for them


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found: figures for a table, and the arrays that the pictures need."""

    metrics: dict[str, Any]  # JSON-safe
    confusion: NDArray[np.int64]  # (classes, classes): rows the truth, columns the answer
    logits: NDArray[np.float32]  # (samples, classes)
    labels: NDArray[np.int64]  # (samples,)


def evaluation(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]
) -> Evaluation:
    """Accuracy (top1, top5), balanced accuracy, mean F1, cross entropy, how far the probabilities
    can be believed (ece, ece_adaptive, brier: see `calibration`), and a row per class.

    logits: (samples, classes); labels: (samples,). top5 is left out below six classes. How many
    there are is "pictures" until `called` gives them their name.
    """
    from scipy.special import log_softmax
    from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

    numbers = np.arange(len(classes))
    answers = logits.argmax(axis=1)
    log_probabilities = log_softmax(logits.astype(np.float64), axis=1)
    precision, recall, f1, support = precision_recall_fscore_support(
        labels, answers, labels=numbers, zero_division=0.0
    )
    present = support > 0
    metrics: dict[str, Any] = {
        PICTURES: len(labels),
        "top1": float((answers == labels).mean()),
        "balanced_top1": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
    }
    if len(classes) > 5:
        best_five = np.argpartition(-logits, 5, axis=1)[:, :5]
        metrics["top5"] = float((best_five == labels[:, None]).any(axis=1).mean())
    metrics |= calibration(np.exp(log_probabilities), labels)
    metrics["classes_answered"] = len(np.unique(answers))
    metrics["per_class"] = [
        {
            "class": name,
            "precision": float(precision[i]),
            "recall": float(recall[i]),
            "f1": float(f1[i]),
            "support": int(support[i]),
        }
        for i, name in enumerate(classes)
    ]
    return Evaluation(metrics, confusion_matrix(labels, answers, labels=numbers), logits, labels)


def called(metrics: Mapping[str, Any], noun: str) -> dict[str, Any]:
    """The metrics with the number of samples under their name, "windows", which is "noun" then."""
    renamed = {noun if name == PICTURES else name: value for name, value in metrics.items()}
    return renamed if noun == PICTURES else {**renamed, "noun": noun}


def number_of(metrics: Mapping[str, Any]) -> tuple[int, str]:
    """How many samples were scored, and what they are called.

    Files of earlier versions have the number of any under "pictures". Raises KeyError without one.
    """
    noun = metrics.get("noun", PICTURES)
    return metrics[noun if noun in metrics else PICTURES], noun
