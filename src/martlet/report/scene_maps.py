"""Maps of a scene: the scene itself, classes, the split, mistakes, and how sure the network was."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.report import style
from martlet.report.map_figure import Ramp, map_figure
from martlet.report.result import percent
from martlet.storage.files import write_bytes

PARTS = ("training", "validation", "test", "left out (guard)")
_PART_COLOURS = (style.ORANGE, style.BLUE, style.GREEN, "#AEB6BF")
_RIGHT, _WRONG, _NOT_SCORED = "#B9DCEB", style.RED, "#C4C9CF"
_RAMP = "viridis"


def draw_map(
    classes_map: NDArray[np.integer],
    names: Sequence[str],
    colours: Sequence[str],
    path: str | Path,
    title: str = "",
) -> str:
    """Draw the class of each pixel into the PNG file `path`.

    classes_map: (rows, columns); index into `names`, negative for no class.
    names, colours: of the classes; colours as "#0072B2" (see `class_colours`). Classes without a
        pixel are left out of the legend.

    Returns what the picture shows, in a sentence, which also stands in the file. Raises
    MartletError for an index beyond the names, and when the file cannot be written.
    """
    indices = _checked(classes_map, names, colours)
    counts = np.bincount(indices[indices >= 0], minlength=len(names))
    legend = [
        (name, colour) for name, colour, count in zip(names, colours, counts, strict=True) if count
    ]
    none = int(np.count_nonzero(indices < 0))
    if none:
        legend.append(("no label", style.EMPTY))
    rows, columns = indices.shape
    told = f"{rows:,} × {columns:,} pixels, {int(counts.sum()):,} of them of " + (
        f"{len(legend) - bool(none)} classes." if counts.any() else "no class."
    )
    return _write(_painted(indices, colours), legend, path, title, told)


def draw_split(parts_map: NDArray[np.integer], path: str | Path, title: str = "") -> str:
    """Draw the part of each pixel: 0 training, 1 validation, 2 test, 3 left out, negative none."""
    indices = _checked(parts_map, PARTS, _PART_COLOURS)
    counts = np.bincount(indices[indices >= 0], minlength=len(PARTS)).tolist()
    legend = [
        (f"{name}: {count:,}", colour)
        for name, colour, count in zip(PARTS, _PART_COLOURS, counts, strict=True)
        if count
    ]
    told = "Labelled pixels: " + ", ".join(name.replace(":", "") for name, _ in legend) + "."
    if (indices < 0).any():
        legend.append(("no label", style.EMPTY))
    return _write(_painted(indices, _PART_COLOURS), legend, path, title, told)


def draw_errors(
    predicted: NDArray[np.integer],
    truth: NDArray[np.integer],
    path: str | Path,
    title: str = "",
    scored: NDArray[np.bool_] | None = None,
) -> str:
    """Draw which labelled pixels the network named wrong.

    predicted, truth: (rows, columns), indices of classes; negative in `truth`: no label.
    scored: True for the pixels that count, those of the test part; the other labelled ones, which
        the network was trained on, or which were left out, are gray. All count without it.
    """
    if predicted.shape != truth.shape or (scored is not None and scored.shape != truth.shape):
        raise MartletError(f"maps of shapes {predicted.shape} and {truth.shape} do not fit.")
    labelled = truth >= 0
    counted = labelled if scored is None else labelled & scored
    wrong = counted & (predicted != truth)
    indices = np.full(truth.shape, -1)
    indices[labelled], indices[counted], indices[wrong] = 2, 0, 1
    number, total = int(np.count_nonzero(wrong)), int(np.count_nonzero(counted))
    rest = int(np.count_nonzero(labelled)) - total
    legend = [(f"right: {total - number:,}", _RIGHT), (f"wrong: {number:,}", _WRONG)]
    if rest:
        legend.append((f"not scored: {rest:,}", _NOT_SCORED))
    if not labelled.all():
        legend.append(("no label", style.EMPTY))
    share = f" ({percent(number / total)})" if total else ""
    told = f"{number:,} of {total:,} pixels are named wrong{share}."
    if rest:
        told += f" {rest:,} labelled pixels are not scored: trained on, or left out."
    return _write(_painted(indices, (_RIGHT, _WRONG, _NOT_SCORED)), legend, path, title, told)


def draw_probability(probability: NDArray[np.floating], path: str | Path, title: str = "") -> str:
    """Draw the probability (rows, columns), 0..1, of the class that was named; NaN is nothing."""
    from matplotlib import colormaps

    values = np.asarray(probability, np.float64)
    known = np.isfinite(values)
    if values.ndim != 2 or not values.size or (known & ((values < 0) | (values > 1.001))).any():
        raise MartletError("probability is no map of numbers from 0 to 1.")
    painted = colormaps[_RAMP](np.where(known, values, 0.0).clip(0, 1), bytes=True)[..., :3].copy()
    painted[~known] = _rgb([style.EMPTY])[0]
    legend = [] if known.all() else [("nothing here", style.EMPTY)]
    told = "The network named no pixel."
    if known.any():
        sure = float((values[known] > 0.9).mean())
        told = (
            f"Probability of the class that was named: median {percent(np.median(values[known]))}; "
            f"above 90\u00a0% at {percent(sure)} of the pixels."
        )
    return _write(painted, legend, path, title, told, Ramp(_RAMP, "0 %", "100 %"))


def draw_scene(pixels: NDArray[np.uint8], told: str, path: str | Path, title: str = "") -> str:
    """Draw the scene in the colours (rows, columns, 3) that `false_colour` made of it."""
    return _write(pixels, [], path, title, told)


def _checked(
    classes_map: NDArray[np.integer], names: Sequence[str], colours: Sequence[str]
) -> NDArray[np.int64]:
    indices = np.asarray(classes_map)
    if indices.ndim != 2 or not indices.size or indices.dtype.kind not in "iu":
        raise MartletError(
            f"a map of shape {indices.shape} and type {indices.dtype} is not accepted; give rows × "
            "columns of indices of classes."
        )
    if len(names) != len(colours) or indices.max() >= len(names):
        raise MartletError(
            f"the map has the class {indices.max()}; there are {len(names)} names and "
            f"{len(colours)} colours, from class 0 on."
        )
    return indices.astype(np.int64)


def _rgb(colours: Sequence[str]) -> NDArray[np.uint8]:
    return np.array([list(bytes.fromhex(colour[1:7])) for colour in colours], np.uint8)


def _painted(indices: NDArray[np.integer], colours: Sequence[str]) -> NDArray[np.uint8]:
    """Colours (rows, columns, 3) of indices; negative ones are pale."""
    table = _rgb([*colours, style.EMPTY])
    painted: NDArray[np.uint8] = table[np.where(indices < 0, len(colours), indices)]
    return painted


def _write(
    pixels: NDArray[np.uint8],
    legend: Sequence[tuple[str, str]],
    path: str | Path,
    title: str,
    told: str,
    ramp: Ramp | None = None,
) -> str:
    figure = map_figure(pixels, legend, title, ramp)
    write_bytes(path, style.png(figure, told, keep=[colour for _, colour in legend]))
    return told
