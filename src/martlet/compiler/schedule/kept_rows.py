"""Rows that windows of a recording share, kept from one to the next: incremental evaluation.

The next window begins `stride` samples later, so most rows of its first maps are the last window's,
some rows further up. They are kept in memory that no other layer gets, moved, and only the others
are made: those of new samples, and those that padding at either end of the window reaches, which
differ from the last window's. Each row is made by the same function as in a whole run, whatever the
rows beside it, so the answers are the same, bit for bit.
"""

from dataclasses import replace

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.schedule import KeptRows, Schedule
from martlet.compiler.ir.series import Series
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.ir.window import Window


def keep_rows(program: Program, schedule: Schedule, series: Series, stride: int) -> Schedule:
    """With the leading layers whose maps are kept; each runs by itself, row by row.

    Ends at the first layer of whose rows none is shared, that reads anything but the rows of the
    layer before it, or whose windows no longer move by whole rows.
    """
    kept: dict[Buffer, KeptRows] = {}
    names, step, rows = list[str](), stride, range(series.length)  # rows that no padding reached
    layers = list(program.layers) if series.rows else []
    while layers and layers[0].row_window is None:  # which put the input in another order
        layers.pop(0)
    before: Buffer | None = None
    for layer in layers:
        window = _along_time(layer, before, series.length)
        if window is None or step % window.stride[1]:
            break
        step //= window.stride[1]
        rows = _untouched(window, rows)
        if len(rows) <= step:
            break
        before = layer.writes[0]
        kept[before] = KeptRows(rows.start, rows.stop, step)
        names.append(layer.name)
    return replace(schedule, stride=stride, kept=kept, banded=frozenset(names))


def _along_time(layer: Layer, before: Buffer | None, length: int) -> Window | None:
    """The window of a layer that reads the rows of `before`, or of the input, and nothing else."""
    window = layer.row_window
    tensors = layer.tensors()
    if window is None or len(tensors) != 1 or not window.is_flat:
        return None
    (x,) = tensors
    if before is None:
        alike = window.size[1] == length
    else:
        alike = x.buffers == (before,) and x.spatial == before.spatial
    return window if alike and not x.where[..., 2].any() else None


def _untouched(window: Window, rows: range) -> range:
    """Output rows that see none but these input rows."""
    stride, pad = window.stride[1], window.pad[1]
    reach = (window.kernel[1] - 1) * window.dilation[1] + 1
    first = -(-(rows.start + pad) // stride)
    return range(first, min(window.out[1], (rows.stop + pad - reach) // stride + 1))
