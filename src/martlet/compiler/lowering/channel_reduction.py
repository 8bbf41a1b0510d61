"""Rules of reductions in blocks: over the channel axis, over axes of the maps, and one map for all.

Asked behind those of the fast layers; each says None to what is not its task.
"""

from collections.abc import Mapping

from martlet.compiler.ir.graph import Node
from martlet.compiler.ir.tensor_view import Maps
from martlet.compiler.ir.window import Sliding, in_three
from martlet.compiler.kernels.channel_reduce import ByPlace, ChannelReduce
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.lowering.context import SIGNS, Lowering, Rule
from martlet.compiler.lowering.vector import blocks_like
from martlet.compiler.lowering.views import reshaped

MOST_ROW_PLACES = 256  # places of a row that one window may cover


def _reduce(low: Lowering, node: Node) -> Maps | None:
    """A reduction of maps in blocks over the channels, or over axes of the maps."""
    x = low.channels(node.inputs[0])
    if x is None or x.lanes == 1 or not 1 <= len(x.spatial) <= 3:
        return None
    axes = node.attributes.get("axes", list(range(2, len(x.shape))))
    kind = node.op.removeprefix("Reduce").removeprefix("Global").removesuffix("Pool").lower()
    if kind in ("max", "mean") and axes and min(axes) >= 2:
        return _over_maps(low, node, low.in_blocks(node, x), kind, axes)
    if axes != [1] or x.axes[0] != 1:
        return None
    x = low.in_blocks(node, x)
    y = low.in_rows(low.shape(node))
    low.add(ChannelReduce(node.name, x, y.buffers[0], kind))
    return y


def _over_maps(low: Lowering, node: Node, x: Maps, kind: str, axes: list[int]) -> Maps | None:
    """A pool whose window is as large as the map along the axes that go."""
    places = [*enumerate(x.spatial, start=2)]
    kernel = tuple(side if axis in axes else 1 for axis, side in places)
    out = tuple(1 if axis in axes else side for axis, side in places)
    if kernel[-1] > MOST_ROW_PLACES:
        return None
    ones, zeros = (1,) * len(out), (0,) * len(out)
    window = in_three(Sliding(x.spatial, kernel, ones, zeros, zeros, ones, out))
    y = blocks_like(low, x, out)
    low.add(Windowed(node.name, x, y, window, "max" if kind == "max" else "average"))
    return reshaped(x.beside(y), low.shape(node))


def _by_place(low: Lowering, node: Node) -> Maps | None:
    """Maps in blocks with one map, which is the second operand where the order matters."""
    if len(node.inputs) != 2:
        return None
    first, second = (low.channels(name) for name in node.inputs)
    if first is None or second is None:
        return None
    if second.axes != (1, 1) and node.op in ("Mul", "Add"):
        first, second = second, first
    alike = second.axes == (1, 1) and first.axes[0] == 1 and first.spatial == second.spatial
    if not alike or first.lanes == 1 or not first.spatial:
        return None
    x = low.in_blocks(node, first)
    y = blocks_like(low, x, x.spatial)
    low.add(ByPlace(node.name, x, second, y, SIGNS[node.op], node.attributes.get("act")))
    return x.beside(y)


CHANNEL_REDUCTION_RULES: Mapping[str, Rule] = {
    **dict.fromkeys(("ReduceMax", "ReduceMean", "ReduceMin", "ReduceSum"), _reduce),
    "GlobalMaxPool": _reduce,
    **dict.fromkeys(SIGNS, _by_place),
}
