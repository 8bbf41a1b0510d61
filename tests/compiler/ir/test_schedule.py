from martlet.compiler.ir.schedule import Schedule, Storage
from martlet.compiler.ir.tensor_view import Buffer, maps_in

MAPS = Buffer(blocks=2, spatial=(5, 3), lanes=4)


def test_whole_maps_lie_block_by_block() -> None:
    whole = Schedule()[MAPS]
    assert (whole.places, whole.bytes, whole.base) == (15, 2 * 15 * 4 * 4, "work")
    assert whole.row_offsets() == [0, 12, 24, 36, 48]


def test_a_line_buffer_holds_a_few_rows() -> None:
    ring = Storage(MAPS, ring=2, at=64)
    assert (ring.places, ring.bytes, ring.base) == (6, 2 * 6 * 4 * 4, "ring")
    assert ring.offset(slot=5, place=2) == 16 + (6 + 2) * 4 + 1


def test_rows_of_two_threads_lie_apart() -> None:
    apart = Storage(MAPS, parts=2, stride=4096)
    assert apart.places == 9  # three of the five rows
    assert apart.row_offsets() == [0, 12, 1024, 1036, 1048]


def test_channels_and_blocks_of_a_tensor() -> None:
    schedule = Schedule(storage={MAPS: Storage(MAPS, at=128)})
    some = maps_in(MAPS, [6, 1], (1, 2))
    assert schedule.offsets(some) == [32 + 15 * 4 + 2, 32 + 1]
    assert schedule.block_offsets(some) == [32, 32 + 15 * 4]
