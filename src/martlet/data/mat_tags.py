"""The elements of a MATLAB file of version 5, looked at before scipy reads it.

scipy.io.loadmat looks up an element's type in a table without asking whether it is one, and a
changed byte there ends the whole process with a segmentation fault. Source: MathWorks, "MAT-File
Level 5 File Format".
"""

import struct
import zlib
from math import prod

from martlet.errors import MartletError
from martlet.memory import require_memory

INT8, INT32, UINT32, MATRIX, COMPRESSED, UTF8 = 1, 5, 6, 14, 15, 16
# Whole and floating-point numbers of 8 to 64 bits, then text in UTF-8, 16 and 32.
VALUES = frozenset((1, 2, 3, 4, 5, 6, 7, 9, 12, 13, 16, 17, 18))
CELL, SPARSE = 1, 5  # array classes
FIRST_PLAIN, LAST_PLAIN = 4, 15  # those that hold values, and no arrays
COMPLEX = 0x800  # flag: a second part of values
_HEADER_BYTES = 128
_DEEPEST = 32


def check_tags(content: bytes, name: str) -> None:
    """Raises MartletError, with `name`, where an element's type or length cannot be.

    No more is unpacked than an element says it has, and nothing that memory has no room for.
    Files of other versions are left to whoever reads them.
    """
    order = {b"IM": "<", b"MI": ">"}.get(content[126:128])
    if order is None or b"\0" in content[:4] or b"\2" in content[124:126]:
        return  # no MATLAB file, or of version 4, or 7.3
    try:
        _elements(memoryview(content)[_HEADER_BYTES:], order, 0, frozenset((MATRIX, COMPRESSED)))
    except MartletError as error:
        raise MartletError(f"{name!r}: {error}") from error
    except (ValueError, struct.error, zlib.error) as error:
        raise MartletError(
            f"{name!r} is damaged: it is no MATLAB file as they are written ({error})."
        ) from error


def _elements(data: memoryview, order: str, depth: int, accepted: frozenset[int]) -> list[int]:
    """The types of the elements in `data`. ValueError for one that is not accepted, or too long."""
    if depth > _DEEPEST:
        raise ValueError("arrays lie too deep in each other")
    kinds: list[int] = []
    place = 0
    while len(data) - place >= 8:
        kind, size, start, end = _tag(data, place, order)
        if kind not in accepted:
            raise ValueError(f"an element of type {kind}")
        if size > len(data) - start:
            raise ValueError(f"an element of {size} bytes where {len(data) - start} are left")
        inside = data[start : start + size]
        if kind == COMPRESSED:
            _elements(memoryview(_unpacked(inside, order)), order, 0, frozenset((MATRIX,)))
        elif kind == MATRIX:
            _matrix(inside, order, depth)
        kinds.append(kind)
        place = end
    if len(data) - place:
        raise ValueError(f"{len(data) - place} bytes behind the last element")
    return kinds


def _unpacked(data: memoryview, order: str) -> bytes:
    """The array in a compressed element. ValueError where it has another length than it says."""
    head = zlib.decompressobj().decompress(data, 8)
    if len(head) < 8:
        raise ValueError("a compressed element without an array")
    _, size, _, _ = _tag(memoryview(head), 0, order)
    require_memory(size, "a compressed array in it", "save the file without it, or as .npy")
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(data, 8 + size + 8)  # up to 8 bytes of padding
    if not unpacking.eof:
        raise ValueError(f"a compressed array that does not end behind the {size:,} bytes it names")
    return content


def _matrix(data: memoryview, order: str, depth: int) -> None:
    """Flags, dimensions and name of an array, then as many elements as its class has."""
    if not len(data):
        return  # an empty cell
    start, size, place = _head(data, 0, order, {UINT32})
    if size != 8:
        raise ValueError("an array without its flags")
    (flags,) = struct.unpack_from(f"{order}I", data, start)
    kind = flags & 0xFF
    if kind > LAST_PLAIN:
        return  # functions and objects, which have other elements
    start, size, place = _head(data, place, order, {INT32, UINT32})
    if size < 8 or size % 4:
        raise ValueError("an array without its dimensions")
    sides = struct.unpack_from(f"{order}{size // 4}i", data, start)
    if min(sides) < 0:
        raise ValueError(f"an array of {sides}")
    _, _, place = _head(data, place, order, {INT8, UTF8})
    plain = kind >= FIRST_PLAIN
    found = _elements(data[place:], order, depth + 1, VALUES if plain else VALUES | {MATRIX})
    needed = (2 if flags & COMPLEX else 1) + (2 if kind == SPARSE else 0)
    if plain and len(found) < needed:
        raise ValueError("an array without its values")
    if kind == CELL and found != [MATRIX] * prod(sides):
        raise ValueError(f"a cell array of {sides} with {len(found)} elements")


def _head(data: memoryview, place: int, order: str, wanted: set[int]) -> tuple[int, int, int]:
    """Start, bytes and end of the element at `place`; ValueError where it is of another type."""
    kind, size, start, end = _tag(data, place, order)
    if kind not in wanted or size > len(data) - start:
        raise ValueError(f"an array with type {kind} where {min(wanted)} belongs")
    return start, size, end


def _tag(data: memoryview, place: int, order: str) -> tuple[int, int, int, int]:
    """Type, bytes, start and end of the element at `place`; up to four bytes lie in the tag."""
    kind, size = struct.unpack_from(f"{order}II", data, place)
    if kind >> 16:
        return kind & 0xFFFF, min(kind >> 16, 4), place + 4, place + 8
    padding = 0 if kind == COMPRESSED else -size % 8
    return kind, size, place + 8, min(place + 8 + size + padding, len(data))
