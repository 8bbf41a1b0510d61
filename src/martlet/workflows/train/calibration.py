"""Whether probabilities can be believed, and what is unknown: fitted by `train`, said of data."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from martlet.measuring.accuracy import evaluation
from martlet.measuring.calibration import reliability
from martlet.report.reliability import FEWEST_SCORED, Bin, draw_reliability
from martlet.tasks.prediction import softmax
from martlet.tasks.rejection import USUAL, Unknown, fit_unknown
from martlet.tasks.temperature import divided, fit_temperature

if TYPE_CHECKING:
    from martlet.training.checkpoint import Header  # torch, which an ONNX file does without

FIGURES = ("loss", "ece", "ece_adaptive", "brier")


def believed(
    logits: NDArray[np.float32],
    labels: NDArray[np.int64],
    classes: Sequence[str],
    temperature: float,
    unknown: Unknown | None,
) -> dict[str, Any]:
    """Figures of scored samples beside their accuracy; JSON-safe.

    logits: (samples, classes), divided by `temperature`.

    temperature; uncalibrated: loss, ece, ece_adaptive and brier of the logits before the division;
    unknown: score, threshold and share of its known samples, and "found", the share of these
    samples that lie below it. The last two are left out where nothing was fitted.
    """
    found: dict[str, Any] = {"temperature": temperature}
    if temperature != 1:
        before = evaluation(logits * np.float32(temperature), labels, classes).metrics
        found["uncalibrated"] = {name: before[name] for name in FIGURES}
    if unknown is not None:
        below = float(unknown.is_unknown(logits).mean())
        found["unknown"] = {**unknown.to_dict(), "found": below}
    return found


def fitted(
    header: "Header", outputs: tuple[NDArray[np.float32], NDArray[np.int64]] | None, reject: float
) -> "tuple[Header, dict[str, Any]]":
    """The header with what the validation part says of its network, and figures of how.

    outputs: logits (samples, classes) as the network gives them, and labels, of that part; None
        without one. reject: share of its samples that the threshold of unknown ones may reject.

    calibrated_on: how many samples decided the temperature; or not_calibrated: why none did. The
    threshold is one of logits at that temperature, since exported networks give no others.
    """
    if outputs is None:
        figures = {"not_calibrated": "there is no validation part to fit a temperature on"}
        return replace(header, temperature=1.0, unknown=None), figures
    logits, labels = outputs
    temperature = fit_temperature(logits, labels)
    unknown = fit_unknown(USUAL, divided(logits, temperature.value), reject)
    header = replace(header, temperature=temperature.value, unknown=unknown)
    if temperature.why:
        return header, {"not_calibrated": temperature.why}
    return header, {"calibrated_on": temperature.samples}


def draw_calibration(
    logits: NDArray[np.float32], labels: NDArray[np.int64], temperature: float, path: Path
) -> None:
    """The reliability diagram of enough scored samples, at `path`; none is left of fewer.

    logits: (samples, classes), divided by `temperature`.
    """
    path.unlink(missing_ok=True)
    if len(labels) < FEWEST_SCORED:
        return
    curves = {"as answered": logits}
    if temperature != 1:
        before = logits * np.float32(temperature)
        curves = {"calibrated": logits, "before": before}
    draw_reliability({name: _bins(values, labels) for name, values in curves.items()}, path)


def _bins(logits: NDArray[np.float32], labels: NDArray[np.int64]) -> list[Bin]:
    found = reliability(softmax(logits), labels)
    middle = (found.low + found.high) / 2
    rows = zip(found.confidence, found.accuracy, found.count, middle, strict=True)
    return [Bin(float(sure), float(right), int(n), float(at)) for sure, right, n, at in rows]
