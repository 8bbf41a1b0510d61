"""Which slot of its block each channel of a product gets; the weights go along, so all cost alike.

Channels that the same layers need lie side by side: a block stays in memory, and goes through every
layer that works block by block, as long as anyone needs one of its channels, and behind a shuffle
half of them are needed once and the others later. And where two tensors meet lane by lane, what
makes the one puts its channels where the other has them, so that nothing needs to be copied.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from swiftlet.compiler.layers.across import ByPlace
from swiftlet.compiler.layers.copying import Copy
from swiftlet.compiler.layers.lanewise import Blockwise, beside
from swiftlet.compiler.layers.product import Product
from swiftlet.compiler.program import Layer, Maps, Program

Key = tuple[str, int]  # the output of a node, and the number of the picture
READS = ("x", "add", "gate", "other")  # what layers call the tensors that they read
Places = dict[tuple[int, int], frozenset[int]]  # id of a buffer and slot: who needs what lies there


@dataclass
class Slots:
    """What is settled before a program is made, and what is noted meanwhile."""

    given: Mapping[Key, Sequence[int]] = field(default_factory=dict)  # slots of each channel
    products: dict[Key, Product] = field(default_factory=dict)  # that were made
    wishes: dict[Key, list[int]] = field(default_factory=dict)  # slots that would save a copy

    def wish(self, program: Program, other: Maps, lanes: Sequence[tuple[int, int]]) -> None:
        """Note that the channels of `other` had better lie in these lanes of these blocks."""
        makers = {id(layer.writes[0]): layer for layer in program.layers}
        keys = {id(product): key for key, product in self.products.items()}
        width, wanted = program.lanes, dict[Key, dict[int, int]]()
        for (buffer, slot, _), (block, lane) in zip(other.channels(), lanes, strict=True):
            source = _made_by(makers, id(buffer), slot)
            if source is None:
                return
            product, at = source
            if product.add is not None:
                return
            channel = product.blocks[at // width].outputs[at % width]
            if channel < 0:
                return
            wanted.setdefault(keys[id(product)], {})[channel] = block * width + lane
        for key, slots in wanted.items():
            count = len(self.products[key].weight)
            if sorted(slots) == list(range(count)) and len(wanted) == 1:
                self.wishes[key] = [slots[channel] for channel in range(count)]


def _made_by(makers: Mapping[int, Layer], buffer: int, slot: int) -> tuple[Product, int] | None:
    """The product that a channel comes from through layers that leave it in its lane."""
    while (layer := makers.get(buffer)) is not None:
        if isinstance(layer, Product):
            return layer, slot
        if not isinstance(layer, Blockwise):
            return None
        source, block = layer.x.blocks()[slot // layer.y.lanes]
        if source.lanes != layer.y.lanes:
            return None
        buffer, slot = id(source), block * source.lanes + slot % source.lanes
    return None


def by_readers(program: Program, products: Mapping[Key, Product]) -> dict[Key, list[int]]:
    """The slots of all products whose channels are not all needed by the same layers."""
    needed: Places = {}
    for number in reversed(range(len(program.layers))):
        _note(needed, program.layers[number], number)
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
        who = {c: needed.get((id(y), slot), frozenset()) for c, slot in places if c >= 0}
        last = {c: sorted(-number for number in numbers) for c, numbers in who.items()}
        turn = sorted(range(count), key=last.__getitem__)  # who is needed longest comes first
        if turn != list(range(count)):
            numbers = {channel: slot for slot, channel in enumerate(turn)}
            orders[key] = [numbers[channel] for channel in range(count)]
    return orders


def _note(needed: Places, layer: Layer, number: int) -> None:
    """Add a layer to those that need what it reads, with all who need what it makes of that."""
    for name in READS:
        x = getattr(layer, name, None)
        if not isinstance(x, Maps):
            continue
        made = _made(layer, x)
        behind = made.channels() if made is not None else []
        for place, (buffer, slot, _) in enumerate(x.channels()):
            key = (id(buffer), slot)
            more = frozenset((number,))
            if behind:
                to, at, _ = behind[place]
                more |= needed.get((id(to), at), frozenset())
            needed[key] = needed.get(key, frozenset()) | more


def _made(layer: Layer, x: Maps) -> Maps | None:
    """What a layer makes of the channels of `x`, when each stays one."""
    if isinstance(layer, Copy):
        return layer.target
    if isinstance(layer, ByPlace) and x is layer.other:
        return None
    if isinstance(layer, Blockwise) or (isinstance(layer, Product) and x is layer.add):
        return beside(x, layer.y) if x.lanes == layer.y.lanes else None
    return None
