"""COCO's figures for boxes, by faster-coco-eval: average precision and recall, and their curves."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# COCO's names, in the order of its summary; sizes are areas below 32², below 96², and above.
FIGURES = (
    *("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large"),
    *("ar1", "ar10", "ar100", "ar_small", "ar_medium", "ar_large"),
)
RECALLS = np.linspace(0, 1, 101)  # at which a curve has its precisions
MOST = 100  # boxes of a picture that count, the surest first


@dataclass(frozen=True)
class Answers:
    """The boxes that a network found in one picture.

    corners: (n, 4) left, top, right, bottom in pixels; scores: (n,); classes: (n,) numbers.
    """

    corners: NDArray[np.float32]
    scores: NDArray[np.float32]
    classes: NDArray[np.int64]


@dataclass(frozen=True)
class Truth:
    """The boxes that one picture has.

    corners: (n, 4) as of Answers; classes: (n,); crowd: (n,) boxes that neither count as missed nor
        against what is found in them.
    """

    corners: NDArray[np.float32]
    classes: NDArray[np.int64]
    crowd: NDArray[np.bool_]


@dataclass(frozen=True)
class BoxEvaluation:
    """What was found, and what there was.

    metrics: JSON-safe: the twelve figures of COCO, 0 to 1, None where no box is of that size, and
        per class its boxes, ap and ap50.
    precision: (classes, 101) at IoU 0.5, by RECALLS; NaN for classes without boxes.
    """

    metrics: dict[str, Any]
    precision: NDArray[np.float64]
    answers: Sequence[Answers]
    truth: Sequence[Truth]


def evaluate_boxes(
    answers: Sequence[Answers], truth: Sequence[Truth], classes: Sequence[str]
) -> BoxEvaluation:
    """Score the answers of some pictures, which are in one order."""
    from faster_coco_eval import COCO, COCOeval_faster

    known = COCO(_as_coco(truth, classes))
    found = [line for number, one in enumerate(answers) for line in _lines(number, one)]
    metrics: dict[str, Any] = {"pictures": len(truth)}
    boxes = np.concatenate([one.classes[~one.crowd] for one in truth]) if truth else np.empty(0)
    counts = np.bincount(boxes.astype(np.int64), minlength=len(classes))
    metrics["boxes"] = int(counts.sum())
    if not found or not counts.any():
        figures = [0.0 if counts.any() and n < 3 else None for n in range(len(FIGURES))]
        precision = np.where(counts[:, None] > 0, 0.0, np.nan) * np.ones(len(RECALLS))
        nothing = [0.0 if count else None for count in counts]
        per_class = [(value, value) for value in nothing]
    else:
        scored = COCOeval_faster(known, known.loadRes(found), "bbox", print_function=_silent)
        scored.evaluate()
        scored.accumulate()
        scored.summarize()
        figures = [_value(value) for value in scored.stats[: len(FIGURES)]]
        by_threshold = scored.eval["precision"][:, :, :, 0, -1]  # (IoUs, recalls, classes)
        precision = np.where(by_threshold[0].T < 0, np.nan, by_threshold[0].T)
        means = [(by_threshold[..., k].mean(), by_threshold[0, :, k].mean()) for k in
                 range(len(classes))]  # fmt: skip
        per_class = [(_value(ap), _value(ap50)) for ap, ap50 in means]
    metrics |= dict(zip(FIGURES, figures, strict=True))
    metrics["per_class"] = [
        {"class": name, "boxes": int(count), "ap": ap, "ap50": ap50}
        for name, count, (ap, ap50) in zip(classes, counts, per_class, strict=True)
    ]
    return BoxEvaluation(metrics, precision, answers, truth)


def _as_coco(truth: Sequence[Truth], classes: Sequence[str]) -> Mapping[str, Any]:
    annotations: list[dict[str, Any]] = []
    for number, one in enumerate(truth):
        for corners, kind, crowd in zip(one.corners, one.classes, one.crowd, strict=True):
            left, top, right, bottom = (float(value) for value in corners)
            annotations.append(
                {
                    "id": len(annotations) + 1,  # 0 stands for none in COCO's code
                    "image_id": number,
                    "category_id": int(kind),
                    "bbox": [left, top, right - left, bottom - top],
                    "area": (right - left) * (bottom - top),
                    "iscrowd": int(crowd),
                }
            )
    return {
        "images": [{"id": number, "width": 0, "height": 0} for number in range(len(truth))],
        "categories": [{"id": number, "name": name} for number, name in enumerate(classes)],
        "annotations": annotations,
    }


def _lines(number: int, one: Answers) -> list[dict[str, Any]]:
    """Answers as COCO's results have them; the surest MOST of all classes together."""
    lines = []
    for k in np.argsort(-one.scores, kind="stable")[:MOST]:
        left, top, right, bottom = map(float, one.corners[k])
        lines.append(
            {
                "image_id": number,
                "category_id": int(one.classes[k]),
                "bbox": [left, top, right - left, bottom - top],
                "score": float(one.scores[k]),
            }
        )
    return lines


def _value(value: float) -> float | None:
    """COCO writes -1 where there is nothing to score."""
    return None if value < 0 else float(value)


def _silent(*words: object) -> None:
    """COCO's summary goes nowhere."""
