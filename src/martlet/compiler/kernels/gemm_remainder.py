"""Remainder channels: the last few outputs of a GEMM, which would leave most of a vector empty.

116 channels are seven vectors of 16 lanes and a quarter. A tile of the eighth would multiply twelve
lanes of zeros; so the remainder is a horizontal reduction: lanes are input channels as they lie in
memory, and only at the end the lanes of each sum are added up.
"""

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from martlet.compiler.codegen.c_text import function
from martlet.compiler.codegen.writer import Writer
from martlet.compiler.ir.tensor_view import Buffer
from martlet.compiler.kernels import gemm_micro
from martlet.compiler.kernels.gemm_operands import Gemm
from martlet.compiler.kernels.gemm_tiles import Group

MOST_CHANNELS = 4  # with 8 the folding takes almost all that is gained
FOLD_INSTRUCTIONS = 3  # that make one vector of two, whose lanes are added up
MOST_COST = 0.7  # times that of a tile like the others, with all that is done around them


def width(product: Gemm) -> int:
    """For how many channels tiles of the last block are; 0: they are like the others."""
    lanes, last = product.y.lanes, product.blocks[-1]
    used = sum(channel >= 0 for channel in last.outputs)
    fits = 0 < used <= MOST_CHANNELS <= lanes // 2 and not any(c >= 0 for c in last.outputs[used:])
    if not fits or product.gate is not None or not product.window.is_pointwise:
        return 0
    places = lanes // MOST_CHANNELS
    if product.x.places < places or not product.x.is_blocked(lanes):
        return 0
    steps = (len(sources(product)) + FOLD_INSTRUCTIONS) * lanes
    return MOST_CHANNELS if steps < MOST_COST * places * len(last.inputs) else 0


def runs(product: Gemm, places: int) -> tuple[tuple[int, int], ...]:
    """The tiles of so many places: (width, how many); a vector has a lane for each sum of one."""
    wide = product.y.lanes // product.tail
    times, rest = divmod(places, wide)
    return tuple(run for run in ((wide, times), (rest, 1)) if all(run))


def sources(product: Gemm) -> list[tuple[Buffer, int, bool]]:
    """Blocks of the input that the last block reads, and whether it reads all lanes; those first.

    Lanes that it does not read may hold anything, even what is no number.
    """
    channels = product.x.channels()
    read = dict.fromkeys(channels[number][:2] for number in product.blocks[-1].inputs)
    lanes = Counter((buffer, slot // buffer.lanes) for buffer, slot in read)
    found = [(*block, count == product.x.lanes) for block, count in lanes.items()]
    return sorted(found, key=lambda block: not block[2])


def pack(layer: Gemm) -> NDArray[np.float32]:
    """The last block's biases, then for each block of inputs the weights of each output.

    In front of those of a block that is not read whole: 1 for each lane that is.
    """
    lanes, outs = layer.y.lanes, layer.blocks[-1].outputs[: layer.tail]
    each_out, each_in = len(layer.weight) // layer.groups, layer.weight.shape[1]
    flat, channels = layer.weight.reshape(len(layer.weight), each_in), layer.x.channels()
    blocks = sources(layer)
    numbers = {(buffer, number): k for k, (buffer, number, _) in enumerate(blocks)}
    bias = np.zeros(lanes, np.float32)
    packed = np.zeros((len(blocks), 1 + layer.tail, lanes), np.float32)
    for row, channel in enumerate(outs):
        first = channel // each_out * each_in
        bias[row] = layer.bias[channel] if channel >= 0 else 0
        for number in range(each_in if channel >= 0 else 0):
            buffer, slot, _ = channels[first + number]
            k, lane = numbers[buffer, slot // lanes], slot % lanes
            packed[k, 0, lane] = 1
            packed[k, 1 + row, lane] += flat[channel, number]
    parts = [packed[k, full:].reshape(-1) for k, (*_, full) in enumerate(blocks)]
    return np.concatenate((bias, *parts))


class Tail(Group):
    """The calls of the tiles of a product's last block."""

    def __init__(self, layer: Gemm, writer: Writer, first: int, add: str) -> None:
        blocks, schedule = sources(layer), writer.schedule
        offsets = [schedule[b].offset(number * b.lanes) for b, number, _ in blocks]
        at = writer.table(f"{layer.c_name}_tail", offsets)
        super().__init__(layer, writer, len(layer.blocks) - 1, 1, first, at=at, add=add)
        self.count, self.full = len(blocks), sum(full for *_, full in blocks)

    def runs(self, places: int) -> tuple[tuple[int, int], ...]:
        return runs(self.layer, places)

    def fetches(self, begin: int, end: int) -> None:
        """Nothing: its tiles are short."""

    def more(self, place: str, wide: int) -> str:
        """How many of the blocks are read whole."""
        return f", {self.full}"

    def _kernel(self, wide: int) -> str:
        return kernel(self.layer, self.writer, wide)


def kernel(layer: Gemm, writer: Writer, wide: int) -> str:
    """The C function of one tile: so many places of the last block."""
    lanes, each = layer.y.lanes, layer.tail
    writer.tile(layer.name, f"tail {each}×{lanes // each}")
    end = gemm_micro.epilogue(layer, writer)
    places = writer.schedule[layer.y].places
    name = f"tail_{each}x{wide}_to{places}{end.suffix}"
    sums = [f"d{p}_{n}" for p in range(wide) for n in range(each)]
    loads = [f"x{p} = load(q + {p} * V)" for p in range(wide)]
    masked = [f"x{p} = (v)((vi)load(q + {p} * V) & read)" for p in range(wide)]
    products = []
    for n in range(each):
        line = " ".join(f"d{p}_{n} += x{p} * t;" for p in range(wide))
        products.append(f"  {{ const v t = load(w + {n} * V); {line} }}")
    lines = [
        f"v {', '.join(f'{d} = fill(0)' for d in sums)};",
        "const v bias = load(w);",
        "int c = 0;",
        f"for (w += V; c < full; c++, w += {each} * V) {{",
        "  const float *q = x + at[c];",
        f"  const v {', '.join(loads)};",
        *products,
        "}",
        f"for (; c < blocks; c++, w += {each} * V) {{",
        "  const float *q = x + at[c];",
        "  const vi read = load(w) != fill(0);",
        f"  const v {', '.join(masked)};",
        "  w += V;",
        *products,
        "}",
    ]
    for level in range(lanes.bit_length() - 1):
        fold = _fold(writer, lanes, 1 if level < 2 else 4)
        pairs = [(*sums[n : n + 2], "fill(0)")[:2] for n in range(0, len(sums), 2)]
        sums = [f"f{level}_{number}" for number in range(len(pairs))]
        lines += [f"const v {s} = {fold}({a}, {b});" for s, (a, b) in zip(sums, pairs, strict=True)]
    for p in range(wide):
        chosen = [p * each + n if n < each else lanes for n in range(lanes)]
        lines.append(f"const v a0_{p} = {_pick(sums[0], 'fill(0)', chosen)} + bias;")
    lines += gemm_micro.stores(layer, places, 1, wide, end)
    head = gemm_micro.head(layer, name, ", int full", "blocks")
    return writer.kernel(name, function(head, lines))


def _fold(writer: Writer, lanes: int, size: int) -> str:
    """The C function that adds neighbouring lanes, or neighbours of four lanes, of two vectors.

    Single lanes change places only within four, so that processors have an instruction for it.
    """
    within = 4 if size == 1 else lanes
    pairs = [
        (source + start + first, source + start + first + size)
        for start in range(0, lanes, within)
        for source in (0, lanes)
        for first in range(0, within, 2 * size)
    ]
    sides = zip(*pairs, strict=True)
    picks = ([first + n for first in side for n in range(size)] for side in sides)
    value = " + ".join(_pick("a", "b", pick) for pick in picks)
    name = "fold_lanes" if size == 1 else "fold_fours"
    return writer.kernel(name, f"static inline v {name}(v a, v b) {{\n  return {value};\n}}\n")


def _pick(a: str, b: str, lanes: list[int]) -> str:
    return f"PICK({a}, {b}, {', '.join(map(str, lanes))})"
