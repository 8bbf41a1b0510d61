"""When a 3×3 convolution goes by Winograd's minimal filtering, and its three layers."""

from collections.abc import Mapping
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.ir.graph import Node, Shape
from martlet.compiler.ir.tensor_view import Maps, maps_in
from martlet.compiler.ir.window import Sliding, Window, in_three, window_of
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.kernels.winograd import Back, InputTiles, OutputsOfTiles
from martlet.compiler.kernels.winograd_basis import OF_FOUR, OF_TWO, Basis
from martlet.compiler.lowering.context import Lowering, Rule
from martlet.compiler.lowering.conv_gemm import added_to, bias_of, picture, slots_of
from martlet.compiler.lowering.views import concatenated

LEAST_CHANNELS = 8  # of a group, in and out: of fewer, changing the basis takes what it saves
LEAST_TILES = 16  # of a map: of fewer, reading the larger weights does
MOST_PRODUCTS = 0.55  # of those by taps: more where many outputs of the last tiles are not there
MOST_OF_LARGER = 0.7  # of those of smaller tiles, which are more exact and have smaller weights


def _convolution(low: Lowering, node: Node) -> Maps | None:
    """None where it goes by taps."""
    weight, bias = low.weight(node, 1), bias_of(low, node)
    x = low.channels(node.inputs[0])
    if weight is None or bias is None or weight.shape[2:] != (3, 3) or x is None:
        return None
    window, groups = window_of(low.graph, node, (3, 3)), int(node.attributes.get("group", 1))
    basis = basis_of(weight, groups, window)
    if basis is None or "gate" in node.attributes:
        return None
    parts = [
        winograd(low, node, picture(x, number), weight, bias, groups, window, basis, number)
        for number in range(x.axes[0])
    ]
    return concatenated(parts, 0)


def basis_of(weight: NDArray[Any], groups: int, window: Window) -> Basis | None:
    """Of which tiles a convolution is made, if that pays."""
    ones, products = (1, 1, 1), float(9 * prod(window.out))
    plain = (window.stride, window.dilation) == (ones, ones) and max(window.pad) <= 1
    if not plain or min(len(weight) // groups, weight.shape[1]) < LEAST_CHANNELS:
        return None
    found = None
    for basis, most in ((OF_TWO, MOST_PRODUCTS), (OF_FOUR, MOST_OF_LARGER)):
        tiles = prod(-(-side // basis.tile) for side in window.out[1:])
        if tiles >= LEAST_TILES and tiles * basis.side**2 <= most * products:
            found, products = basis, float(tiles * basis.side**2)
    return found


def winograd(
    low: Lowering,
    node: Node,
    x: Maps,
    weight: NDArray[Any],
    bias: NDArray[Any],
    groups: int,
    window: Window,
    basis: Basis,
    number: int,
) -> Maps:
    """The layers of picture `number`."""
    lanes, outputs, products = low.program.lanes, len(weight), basis.side**2
    x = low.in_blocks(node, x)
    added = added_to(low, node, number)
    slots = slots_of(outputs, 1, lanes, added)
    tiles = tuple(-(-side // basis.tile) for side in window.out[1:])
    changed = _input_tiles(low, node, x, window, basis, tiles)
    plain = in_three(Sliding(tiles, (1, 1), (1, 1), (0, 0), (0, 0), (1, 1), tiles))
    product = Product(
        node.name, changed, basis.changed(weight), np.zeros(products * outputs, np.float32),
        products * groups,
        plain, low.program.registers,
    )  # fmt: skip
    done, product.operator = product.macs, "convolution"
    product.macs = prod(window.out) * weight.size
    product.saved_macs = product.macs - done
    blocks = max(slots) // lanes + 1
    made = low.program.buffer(products * blocks * lanes, tiles)
    behind = [n * blocks * lanes + slot for n in range(products) for slot in slots]
    product.write_to(made, behind)
    low.add(product)
    y, each = low.program.buffer(blocks * lanes, window.spatial), np.zeros(blocks * lanes)
    each[slots] = bias
    ones, (high, wide) = (1, 1, 1), tiles
    back = Back(
        (1, high, wide), ones, ones, (0, 0, 0), ones, window.out, window.spatial, basis.tile
    )
    layer = OutputsOfTiles(
        f"{node.name} outputs", maps_in(made, behind, (1, len(behind))), y, back,
        each.astype(np.float32), basis, act=node.attributes.get("act"), add=added,
        act_after=node.attributes.get("act_after"),
    )  # fmt: skip
    low.add(layer)
    return maps_in(y, slots, (1, outputs))


def _input_tiles(
    low: Lowering, node: Node, x: Maps, window: Window, basis: Basis, tiles: Shape
) -> Maps:
    """The channels of x for each of the products, one behind the other."""
    blocks, lanes, steps = len(x.blocks()), low.program.lanes, (basis.tile, basis.tile)
    sides = (basis.side, basis.side)
    taps = Sliding(window.size[1:], sides, steps, window.pad[1:], (0, 0), (1, 1), tiles)
    y = low.program.buffer(basis.side**2 * blocks * lanes, tiles)
    low.add(InputTiles(f"{node.name} tiles", x, y, in_three(taps), basis))
    places = [block * lanes + lane for block, lane in x.positions()]
    named = [n * blocks * lanes + place for n in range(basis.side**2) for place in places]
    return maps_in(y, named, (1, len(named)))


WINOGRAD_RULES: Mapping[str, Rule] = {"Conv": _convolution}
