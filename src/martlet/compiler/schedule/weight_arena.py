"""Where every weight lies in the arena of weights: packed once, before any text is written."""

from dataclasses import replace
from hashlib import sha256

import numpy as np

from martlet.compiler.ir.program import Program
from martlet.compiler.ir.schedule import PackedWeights, Schedule

LINE = 16  # floats of a cache line


def pack_weights(program: Program, schedule: Schedule) -> Schedule:
    """With all weights as the layers' functions read them, layer by layer.

    What is the same, as for each picture of a batch, is there once.
    """
    known: dict[bytes, int] = {}  # offsets of arrays, by what they are
    arrays, packed, end = list[bytes](), dict[str, PackedWeights](), 0
    for layer in program.layers:
        offsets, begin = list[int](), end
        for values in layer.packed_weights(schedule):
            flat = np.ascontiguousarray(values, np.float32).reshape(-1)
            content = np.pad(flat, (0, -flat.size % LINE)).tobytes()
            key = sha256(flat.tobytes()).digest()
            if key not in known:
                known[key] = end // 4
                arrays.append(content)
                end += len(content)
            offsets.append(known[key])
        packed[layer.name] = PackedWeights(tuple(offsets), begin, end)
    arena = b"".join(arrays) or bytes(4 * LINE)
    return replace(schedule, weights=arena, packed=packed)
