"""Channel order: lanes of a GEMM's outputs, propagated from consumers; weights follow for nothing.

Channels that the same layers need lie side by side: a block stays in memory, and goes through every
layer that works block by block, as long as anyone needs one of its channels, and behind a shuffle
half of them are needed once and the others later. And where two tensors meet lane by lane, what
makes the one puts its channels where the other has them, so that nothing needs to be copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from math import prod

from martlet.compiler.ir.program import Layer, Program
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.gemm import Product

Key = tuple[str, int]  # the output of a node, and the number of the picture
# Numbers of layers, negative and so the last one first: those that need a channel where it lies,
# then those that need what the first ones make of it in the same lane, and so on.
Who = tuple[tuple[int, ...], ...]
NOBODY: Who = ()
MOST_LEVELS = 40  # layers behind each other that are looked at
MOST_READERS = 1000  # layers of a level that are told apart


@dataclass
class Slots:
    """What is settled before a program is made, and what is noted meanwhile."""

    given: Mapping[Key, Sequence[int]] = field(default_factory=dict)  # slots of each channel
    products: dict[Key, Product] = field(default_factory=dict)  # that were made
    wishes: dict[Key, list[int]] = field(default_factory=dict)  # slots that would save a copy
    _keys: dict[Product, Key] = field(default_factory=dict)
    _known: list[Layer] = field(default_factory=list)  # of the program, whose writers are noted
    _writers: dict[Buffer, Layer] = field(default_factory=dict)

    def note(self, key: Key, product: Product) -> None:
        """A product that is made."""
        self.products[key], self._keys[product] = product, key

    def wish(self, program: Program, other: Maps, lanes: Sequence[tuple[int, int]]) -> None:
        """Note that the channels of `other` had better lie in these lanes of these blocks."""
        for layer in program.layers[len(self._known) :]:
            self._known.append(layer)
            self._writers[layer.writes[0]] = layer
        source = _made_by(self._writers, other)
        if source is None:
            return
        product, places = source
        wanted = {
            product.blocks[at // program.lanes].outputs[at % program.lanes]: to
            for at, to in zip(places, (b * program.lanes + lane for b, lane in lanes), strict=True)
        }
        if product.add is None and sorted(wanted) == list(range(len(product.weight))):
            self.wishes[self._keys[product]] = [to for _, to in sorted(wanted.items())]


def _made_by(writers: Mapping[Buffer, Layer], x: Maps) -> tuple[Product, list[int]] | None:
    """The product that made all channels, and their slots in what it made.

    Between them may be layers that leave every channel in its lane.
    """
    slots = [slot for _, slot, _ in x.channels()]
    while len(x.buffers) == 1 and x.lanes > 1 and x.buffers[0] in writers:
        layer = writers[x.buffers[0]]
        if isinstance(layer, Product):
            return layer, slots
        if "x" not in layer.keeps_lanes:
            return None
        (x,) = layer.tensors(("x",))
        blocks, lanes = [block for _, block in x.blocks()], layer.writes[0].lanes
        slots = [blocks[slot // lanes] * lanes + slot % lanes for slot in slots]
    return None


def by_readers(program: Program, products: Mapping[Key, Product]) -> dict[Key, list[int]]:
    """The slots of all products whose channels are not all needed by the same layers."""
    needed = _Needed()
    for number in reversed(range(len(program.layers))):
        needed.note(program.layers[number], number)
    orders = {}
    for key, product in products.items():
        if product.groups > 1 or product.add is not None:
            continue
        y, count = product.y, len(product.weight)
        places = [
            (block.outputs[lane], number * y.lanes + lane)
            for number, block in enumerate(product.blocks)
            for lane in range(y.lanes)
        ]
        who = {c: needed.by(y, slot) for c, slot in places if c >= 0}
        turn = sorted(range(count), key=who.__getitem__)  # who is needed longest comes first
        if turn != list(range(count)):
            numbers = {channel: slot for slot, channel in enumerate(turn)}
            orders[key] = [numbers[channel] for channel in range(count)]
    return orders


MOST_FOLLOWED = 1 << 12  # names of a tensor; no product has more channels that could lie otherwise


class _Needed:
    """Which layers need a channel, by themselves or for what they make of it."""

    def __init__(self) -> None:
        self._who: dict[tuple[Buffer, int], Who] = {}
        self._unions: dict[tuple[Who, Who], Who] = {}  # most channels share theirs with others

    def by(self, buffer: Buffer, slot: int) -> Who:
        return self._who.get((buffer, slot), NOBODY)

    def note(self, layer: Layer, number: int) -> None:
        """Add a layer to those that need what it reads; from the last layer to the first."""
        for x in layer.tensors():
            if prod(x.axes) > MOST_FOLLOWED:
                continue
            made = layer.passes_on(x)
            behind = made.channels() if made is not None else []
            for place, (buffer, slot, _) in enumerate(x.channels()):
                later = self.by(*behind[place][:2]) if behind else NOBODY
                more = ((-number,), *later[: MOST_LEVELS - 1])
                self._who[buffer, slot] = self._union(self.by(buffer, slot), more)

    def _union(self, one: Who, other: Who) -> Who:
        if (one, other) not in self._unions:
            levels = zip_longest(one, other, fillvalue=())
            joined = (sorted({*a, *b})[:MOST_READERS] for a, b in levels)
            self._unions[one, other] = tuple(map(tuple, joined))
        return self._unions[one, other]
