"""A label map: the class of each pixel of a scene, with the classes' names and colours."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.data.class_names import one_form
from martlet.data.scenes.choose import label_array, rows_and_columns
from martlet.data.scenes.class_names import check_distinct, read_class_names
from martlet.data.scenes.contents import Colour, in_words
from martlet.data.scenes.formats import read_contents
from martlet.data.scenes.scaled import as_stored, is_nodata
from martlet.data.scenes.scene import Scene
from martlet.errors import MartletError

MOST_CLASSES = 1000  # more different values are those of a picture


@dataclass(frozen=True, eq=False)
class LabelMap:
    """The class of each pixel.

    labels: (rows, columns), int32; 0 is no class. Classes may have any values from 1 on.
    names: of every value but 0 that is in `labels`, in rising order; the value itself where the
        file has no name for it.
    colours: of those values for which the file has one.
    """

    path: Path
    labels: NDArray[np.int32]
    names: Mapping[int, str]
    colours: Mapping[int, Colour] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, int]:
        """Rows, columns."""
        rows, columns = self.labels.shape
        return rows, columns


def read_labels(
    path: str | Path, *, array: str | None = None, class_names: str | Path | None = None
) -> LabelMap:
    """The label map in a file of a format that scenes have; it is read at once.

    array: name of the array; needed where several could be meant.
    class_names: a file of text, as `read_class_names` describes it.
    Raises MartletError for a file that cannot be read or is not clear, and for values that are no
    classes: negative ones, fractions, NaN, more than 1,000 different ones, nothing but 0.
    """
    contents = read_contents(path)
    if contents.axes_known and len(contents.arrays) == 1 and contents.arrays[0].shape[2] > 1:
        raise MartletError(
            f"file {str(path)!r} has {contents.arrays[0].shape[2]} bands; a label map has one, "
            "which holds the number of each pixel's class."
        )
    stored = label_array(contents, array)
    found = as_stored(stored.open())
    values = np.asarray(found[(slice(None),) * len(stored.shape)])
    sides = rows_and_columns(contents, stored)
    labels = _whole_numbers(values.reshape(sides or stored.shape), contents.path, stored.nodata)
    present = [int(value) for value in np.unique(labels) if value]
    if not 1 <= len(present) <= MOST_CLASSES:
        what = f"{len(present):,} different values" if present else "no label: every value is 0"
        raise MartletError(
            f"label map {str(path)!r} holds {what}; 1 to {MOST_CLASSES:,} classes are accepted, "
            "and 0 is no class."
        )
    if class_names is not None:
        names = read_class_names(class_names, present)
    else:
        given = {value: one_form(name.strip()) for value, name in contents.class_names.items()}
        names = {value: given.get(value) or str(value) for value in present}
        check_distinct(names, f"label map {str(path)!r}")
    colours = {value: contents.colours[value] for value in present if value in contents.colours}
    return LabelMap(contents.path, labels, names, colours)


def check_fit(scene: Scene, labels: LabelMap) -> None:
    """Raises MartletError when a scene and a label map have not the same rows and columns."""
    rows, columns, bands = scene.shape
    if labels.shape == (rows, columns):
        return
    turned = labels.shape == (columns, rows)
    way = "they fit with the label map turned: save its transpose" if turned else "both must agree"
    raise MartletError(
        f"scene {str(scene.path)!r} has {rows}×{columns} rows × columns ({bands} bands) and label "
        f"map {str(labels.path)!r} has {in_words(labels.shape)}; {way}."
    )


def _whole_numbers(values: NDArray[Any], path: Path, nodata: float | None) -> NDArray[np.int32]:
    """Values of any type as int32; those of `nodata` become 0."""
    shown = f"label map {str(path)!r} holds"
    if nodata is not None:
        values = np.where(is_nodata(values, nodata), np.zeros((), values.dtype), values)
    if values.dtype.kind == "f":
        odd, what = ~np.isfinite(values), "NaN or infinite values"
        if not odd.any():
            odd, what = values != np.rint(values), "fractions"
        if odd.any():
            raise MartletError(
                f"{shown} {what} at {np.count_nonzero(odd):,} of {values.size:,} pixels; whole "
                "numbers are accepted, 0 for no class."
            )
    low, high = values.min().item(), values.max().item()  # of a small type, which compares oddly
    if low < 0 or high > np.iinfo(np.int32).max:
        raise MartletError(
            f"{shown} the value {low if low < 0 else high}; whole numbers from 0 to "
            f"{np.iinfo(np.int32).max} are accepted, 0 for no class."
        )
    return np.array(values, np.int32, order="C")
