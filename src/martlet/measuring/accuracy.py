"""Metrics of a classifier from its logits; the formulas are scikit-learn's."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` found: figures for a table, and the arrays that the pictures need."""

    metrics: dict[str, Any]  # JSON-safe
    confusion: NDArray[np.int64]  # (classes, classes): rows the truth, columns the answer
    logits: NDArray[np.float32]  # (pictures, classes)
    labels: NDArray[np.int64]  # (pictures,)


def evaluation(
    logits: NDArray[np.float32], labels: NDArray[np.int64], classes: Sequence[str]
) -> Evaluation:
    """Accuracy (top1, top5), balanced accuracy, mean F1, cross entropy, and a row per class.

    logits: (pictures, classes); labels: (pictures,). top5 is left out below six classes.
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
        "pictures": len(labels),
        "top1": float((answers == labels).mean()),
        "balanced_top1": float(recall[present].mean()),
        "macro_f1": float(f1[present].mean()),
        "loss": float(-log_probabilities[np.arange(len(labels)), labels].mean()),
    }
    if len(classes) > 5:
        best_five = np.argpartition(-logits, 5, axis=1)[:, :5]
        metrics["top5"] = float((best_five == labels[:, None]).any(axis=1).mean())
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
