"""Small networks of recordings as ONNX files, and recordings for them."""

from pathlib import Path

import onnx
from tests.compiler.graphs import Array, graph, random, save

CHANNELS = 3
LENGTH = 40
LAYOUTS = {
    "apart": (1, 1, LENGTH, CHANNELS),  # channels beside each other, none of which is mixed
    "mixed": (1, 1, LENGTH, CHANNELS),  # they become the convolution's channels
    "columns": (1, CHANNELS, 1, LENGTH),
    "line": (1, CHANNELS, LENGTH),
}


def recurring(layout: str) -> onnx.ModelProto:
    """Depthwise and pointwise convolutions, two of them with stride 2, the mean, a linear layer."""
    shape, start = LAYOUTS[layout], "t = Identity (x)"
    sides, mean, sensors = "2, 1", "2", 1
    channels, wide = CHANNELS, (5, 1)
    if layout == "apart":
        channels, sensors = 1, CHANNELS
    if layout == "mixed":
        start = "t = Transpose <perm = [0, 3, 2, 1]> (x)"
    pads = "2, 0, 2, 0"
    if layout == "columns":
        sides, wide, pads, mean = "1, 2", (1, 5), "0, 2, 0, 2", "3"
    if layout == "line":
        sides, wide, pads = "2", (5,), "2, 2"
    point = tuple(1 for _ in wide)
    nodes = f"""
        {start}
        a = Conv <group = {channels}, strides = [{sides}], pads = [{pads}]> (t, wa, ba)
        b = Conv (a, wb, bb)
        c = Relu (b)
        d = Conv <group = 18, strides = [{sides}], pads = [{pads}]> (c, wd, bd)
        e = Conv (d, we, be)
        f = Relu (e)
        g = ReduceMean <axes = [{mean}], keepdims = 0> (f)
        h = Flatten (g)
        y = Gemm (h, wy, by)"""
    return graph(
        nodes,
        shape,
        wa=(channels, 1, *wide), ba=(channels,), wb=(18, channels, *point), bb=(18,),
        wd=(18, 1, *wide), bd=(18,), we=(20, 18, *point), be=(20,),
        wy=(20 * sensors, 4), by=(4,),
    )  # fmt: skip


def series_file(folder: Path, layout: str) -> Path:
    """The network as a file."""
    return save(recurring(layout), folder, layout)


def recording(samples: int = 150) -> Array:
    """(samples, channels)."""
    return random(7, samples, CHANNELS)


def window_of(layout: str, samples: Array) -> Array:
    """A window (length, channels) as the network takes it."""
    ready = samples if LAYOUTS[layout][1] == 1 and layout in ("apart", "mixed") else samples.T
    return ready.reshape(LAYOUTS[layout])
