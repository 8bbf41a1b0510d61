"""The spectra of a scene's classes: mean and deviation over the bands."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.report import style
from martlet.storage.files import write_bytes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Spectra = NDArray[np.floating]

_TOGETHER = 6  # classes in one panel; more have a panel each
_MOST = 60  # panels
_ACROSS = 4  # panels side by side
_GAP = 3.0  # usual distances of two bands, from where on the line is broken


def draw_spectra(
    mean: Spectra,
    deviation: Spectra,
    names: Sequence[str],
    colours: Sequence[str],
    path: str | Path,
    wavelengths: Sequence[float] | None = None,
) -> str:
    """Draw mean ± deviation of each class's spectra into the PNG file `path`.

    mean, deviation: (classes, bands); NaN for a class without a pixel, which is left out.
    names, colours: of the classes; colours as "#0072B2".
    wavelengths: of the bands in nm; their numbers, from 1, stand in their place without them.

    Up to six classes are drawn together, more in a panel each with the others in gray behind.
    Returns what the picture shows, in a sentence, which also stands in the file. Raises
    MartletError for arrays that do not fit, and when the file cannot be written.
    """
    figure = spectra_figure(mean, deviation, names, colours, wavelengths)
    shown = int(np.isfinite(mean).all(1).sum())
    told = (
        f"Mean spectrum of the training pixels of each of {shown} classes; the band around it is "
        "± one standard deviation."
    )
    if shown > _MOST:
        told += f" The first {_MOST} are shown."
    write_bytes(path, style.png(figure, told, keep=colours))
    return told


def spectra_figure(
    mean: Spectra,
    deviation: Spectra,
    names: Sequence[str],
    colours: Sequence[str],
    wavelengths: Sequence[float] | None = None,
) -> "Figure":
    """The figure of `draw_spectra`."""
    from matplotlib.figure import Figure

    if (
        mean.ndim != 2
        or mean.shape != deviation.shape
        or not len(names) == len(colours) == len(mean)
    ):
        raise MartletError(
            f"mean of shape {mean.shape} and deviation of shape {deviation.shape} do not fit "
            f"{len(names)} names and {len(colours)} colours."
        )
    known = [label for label in range(len(mean)) if np.isfinite(mean[label]).all()][:_MOST]
    together = len(known) <= _TOGETHER
    across = 1 if together else _ACROSS
    down = 1 if together else -(-len(known) // across)
    wide, high = (6.6, 3.6) if together else (9.6, 1.45 * down + 0.75)
    x, at = _axis(mean.shape[1], wavelengths)
    label = "band" if wavelengths is None else "wavelength, nm"
    with style.house_style():
        figure = Figure(figsize=(wide, high), dpi=style.DOTS_PER_INCH, layout="constrained")
        panels = figure.subplots(down, across, sharex=True, sharey=True, squeeze=False).ravel()
        if together:
            for number in known:
                _draw(panels[0], x, at, mean[number], deviation[number], colours[number])
            _name(panels[0], [names[n] for n in known], [colours[n] for n in known])
        for number, panel in zip(known, panels, strict=False) if not together else ():
            for other in known:
                panel.plot(x, mean[other][at] + 0 * x, color=style.FAINT, linewidth=0.7)
            _draw(panel, x, at, mean[number], deviation[number], colours[number])
            shown = style.fitted(style.printable(names[number], f"#{number}"), 8, 2.0)
            panel.set_title(shown, fontsize=8, loc="left", pad=2)
        for panel in panels[len(known) if not together else 1 :]:
            panel.set_axis_off()
        for panel in panels:
            panel.tick_params(labelsize=7 if not together else 9)
        figure.supxlabel(label, fontsize=9, color=style.MUTED)
        figure.supylabel("value", fontsize=9, color=style.MUTED)
    return figure


def _axis(
    bands: int, wavelengths: Sequence[float] | None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Places along the axis, in rising order, NaN in gaps; and the band at each."""
    if wavelengths is None or len(wavelengths) != bands:
        return np.arange(1.0, bands + 1), np.arange(bands)
    order = np.argsort(wavelengths, kind="stable")
    places = np.asarray(wavelengths, np.float64)[order]
    steps = np.diff(places)
    wide = np.flatnonzero(steps > _GAP * np.median(steps)) + 1 if len(steps) else steps
    cuts = np.asarray(wide, np.intp)
    return np.insert(places, cuts, np.nan), np.insert(order, cuts, 0)


def _draw(
    panel: "Axes",
    x: NDArray[np.float64],
    at: NDArray[np.intp],
    mean: Spectra,
    deviation: Spectra,
    colour: str,
) -> None:
    centre, around = mean[at] + 0 * x, deviation[at]  # NaN in gaps
    panel.fill_between(x, centre - around, centre + around, color=colour, alpha=0.18, linewidth=0)
    panel.plot(x, centre, color=colour, linewidth=1.4)


def _name(panel: "Axes", names: Sequence[str], colours: Sequence[str]) -> None:
    """A legend right of the panel."""
    from matplotlib.lines import Line2D

    lines = [Line2D([], [], color=colour, linewidth=2) for colour in colours]
    shown = [style.fitted(style.printable(n, f"#{i}"), 9, 1.8) for i, n in enumerate(names)]
    if lines:
        panel.legend(
            lines, shown, loc="upper left", bbox_to_anchor=(1.01, 1), frameon=False, fontsize=9,
            handlelength=1.2, borderaxespad=0,
        )  # fmt: skip
