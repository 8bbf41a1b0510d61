"""Sentences about a split of pixels: what is optimistic, what is lost, what is too little."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from martlet.data.scenes.pixel_split import PixelSplit
from martlet.errors import MartletError

FEW_TEST_PIXELS = 10  # one more right answer moves the class's accuracy by more than a tenth
MOST_NAMED = 20


def notes_about(split: PixelSplit) -> list[str]:
    """What a reader of figures on this split's test part has to know."""
    return [*about_windows(split), *_about_few(split)]


def about_windows(split: PixelSplit) -> list[str]:
    """Whether training has seen test pixels, and what it costs that it has not."""
    tested = len(split.indices("test"))
    if split.protocol == "disjoint":
        if not split.guard:
            return []
        kept = split.kept
        least, most = (one(kept, key=lambda label: kept[label]) for one in (min, max))
        lost, labelled = len(split.indices("guard")), int(np.count_nonzero(split.labels))
        notes = [
            f"Labelled pixels within {split.guard} of a training pixel, which are left out: "
            f"{_of(lost, labelled)}; what is not trained on is kept from {kept[least]:.1%} (class "
            f"{_name(split, least)}) to {kept[most]:.1%} (class {_name(split, most)})."
        ]
        shared = split.test_in_windows(overlapping=True)
        if shared:
            notes.append(
                f"Test pixels whose window shares pixels with a training window: "
                f"{_of(shared, tested)}; none lies in one."
            )
        return notes
    inside = split.test_in_windows()
    if inside:
        return [
            f"The {split.protocol} split is optimistic: {inside:,} of {tested:,} test pixels "
            f"({inside / tested:.1%}) lie in the window of a training pixel, so training has seen "
            "them."
        ]
    if split.protocol == "random":
        return ["The random split is optimistic: test pixels lie beside training pixels."]
    return []


def _about_few(split: PixelSplit) -> list[str]:
    few = [label for label, left in split.counts("test").items() if left < FEW_TEST_PIXELS]
    if not few:
        return []
    return [f"Classes with fewer than {FEW_TEST_PIXELS} test pixels: {_names(split, few)}."]


def check_counts(split: PixelSplit, min_test: int) -> None:
    """Raises MartletError when a class has no training pixel, or fewer than `min_test` to test."""
    untrained = [label for label, count in split.counts("train").items() if not count]
    if untrained:
        raise MartletError(
            f"the {split.protocol} split has no training pixel of class {_names(split, untrained)};"
            " give it one, or take the class out of the label map."
        )
    left = split.counts("test")
    few = [label for label, count in left.items() if count < min_test]
    if not few:
        return
    shown = sorted(left, key=lambda label: left[label])[:MOST_NAMED]
    listed = ", ".join(f"{_name(split, label)} {left[label]:,}" for label in shown)
    more = f" and {len(left) - len(shown)} more" if len(left) > len(shown) else ""
    how = "" if split.protocol != "disjoint" else f" with window={split.window} and its guard"
    raise MartletError(
        f"too few test pixels of class {_names(split, few)} remain{how}: {listed}{more}, and each "
        f"class needs {min_test}{_no_window_above(split, few)}; {_way_out(split)}."
    )


def _way_out(split: PixelSplit) -> str:
    if split.protocol != "disjoint":
        return "label more of its pixels, or take the class out of the label map"
    return (
        "give a smaller window, a smaller train_share, take the class out of the label map, or "
        "split random, which is optimistic"
    )


def _no_window_above(split: PixelSplit, few: Sequence[int]) -> str:
    """Where a class is so small that its own training pixel takes all of it."""
    spans = {label: _span(split.labels == label) for label in few}
    least = min(few, key=lambda label: spans[label])
    if split.protocol != "disjoint" or not 1 <= spans[least] <= split.guard:
        return ""
    return (
        f" (class {_name(split, least)} is {spans[least] + 1} pixels long: no window above "
        f"{2 * spans[least] - 1} leaves any)"
    )


def _span(pixels: NDArray[np.bool_]) -> int:
    """The largest distance of two pixels, in rows or in columns."""
    return max(int(np.ptp(np.flatnonzero(pixels.any(axis)))) for axis in (0, 1))


def _of(count: int, total: int) -> str:
    return f"{count:,} of {total:,} ({count / total:.1%})"


def _name(split: PixelSplit, label: int) -> str:
    return repr(split.names[label]) if label in split.names else str(label)


def _names(split: PixelSplit, labels: Sequence[int]) -> str:
    shown = ", ".join(_name(split, label) for label in labels[:MOST_NAMED])
    more = len(labels) - MOST_NAMED
    return f"{shown} and {more} more" if more > 0 else shown
