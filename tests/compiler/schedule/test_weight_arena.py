import numpy as np
from tests.compiler.graphs import shuffle_unit

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.schedule import CACHE_LINE_BYTES
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.pipeline import program_of
from martlet.compiler.targets import target


def test_every_array_lies_where_the_arena_says_and_once() -> None:
    program, schedule = program_of(read_model(shuffle_unit(), batch=2), target("x86-64-v3"))
    arena, end = np.frombuffer(schedule.weights, np.float32), 0
    for layer in program.layers:
        packed = schedule.packed[layer.name]
        assert packed.begin == end
        end = packed.end
        for start, values in zip(packed.starts(), layer.packed_weights(schedule), strict=True):
            assert start % (CACHE_LINE_BYTES // 4) == 0
            assert np.array_equal(arena[start : start + values.size], values.reshape(-1))
    assert end == arena.nbytes
    products = [layer for layer in program.layers if isinstance(layer, Product)]
    sizes = [schedule.packed[layer.name].size for layer in products[:2]]
    assert sizes[0] > sizes[1] == 0  # the second picture's convolution has the same weights
