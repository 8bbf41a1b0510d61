"""Where every weight lies in the arena of weights: packed once, before any text is written."""

from dataclasses import replace
from hashlib import sha256

from martlet.compiler.ir.graph import FLOAT32
from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES, PackedWeights, Schedule


def pack_weights(program: Program, schedule: Schedule) -> Schedule:
    """With all weights as the layers' functions read them, each array at a cache line's begin.

    Plain C, for processors without vectors and often without such lines, has no gaps between them.
    What is the same, as for each picture of a batch, is there once.
    """
    step = CACHE_LINE_BYTES if program.lanes > 1 else FLOAT32.itemsize
    known: dict[bytes, int] = {}  # offsets in bytes of arrays, by what they are
    arrays, packed, end = list[bytes](), dict[str, PackedWeights](), 0
    for layer in program.layers:
        offsets, begin = list[int](), end
        for values in layer.packed_weights(schedule):
            content = values.tobytes()
            key = sha256(content).digest()
            if key not in known:
                known[key] = end
                arrays += [content, bytes(-len(content) % step)]
                end += -(-len(content) // step) * step
            offsets.append(known[key])
        packed[layer.name] = PackedWeights(tuple(offsets), begin, end)
    arena = b"".join(arrays) or bytes(CACHE_LINE_BYTES)
    return replace(schedule, weights=arena, packed=packed)
