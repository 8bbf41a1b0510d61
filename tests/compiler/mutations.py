"""Damaged networks, the same ones every time: what a broken disk or a bad mind makes of a file."""

import random
from collections.abc import Iterator

import onnx
from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

NUMBERS = (0, 1, -1, 2, 3, 5, 7, 16, 255, -128, 1 << 31, -(1 << 31), (1 << 63) - 1, -(1 << 63))
FLOATS = (0.0, -1.0, 6.0, 1e38, float("inf"), float("nan"))
WORDS = ("", "x", "*/", "Relu", "If", "Conv", "MaxPool", "Reshape", "Slice", "axis", "perm", "é\n")


def damaged_bytes(content: bytes, seed: int) -> bytes:
    """Bytes flipped, cut off, left out or repeated."""
    chance, kept = random.Random(seed), bytearray(content)
    start = chance.randrange(len(kept))
    end = min(len(kept), start + chance.randrange(1, 40))
    match chance.randrange(5):
        case 0:
            return bytes(kept[:start])
        case 1:
            del kept[start:end]
        case 2:
            place = chance.randrange(len(kept))
            kept[place:place] = kept[start:end]
        case _:
            for _ in range(chance.choice((1, 1, 2, 4))):
                kept[chance.randrange(len(kept))] = chance.choice((0, 1, 127, 128, 255))
    return bytes(kept)


def damaged_fields(model: onnx.ModelProto, seed: int) -> onnx.ModelProto:
    """A copy with one to three fields changed, removed, repeated or exchanged."""
    chance, changed = random.Random(seed), onnx.ModelProto()
    changed.CopyFrom(model)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        target = chance.choice(list(_messages(changed)))
        present = [field for field, _ in target.ListFields()]
        field = chance.choice(present or list(target.DESCRIPTOR.fields))
        if not field.has_presence:
            _change_list(target, field, chance)
        elif field.message_type is not None or chance.random() < 0.2:
            target.ClearField(field.name)
        else:
            setattr(target, field.name, _value(field, chance))
    return changed


def _messages(message: Message) -> Iterator[Message]:
    yield message
    for field, value in message.ListFields():
        if field.message_type is not None:
            for inner in value if not field.has_presence else [value]:
                yield from _messages(inner)


def _change_list(target: Message, field: FieldDescriptor, chance: random.Random) -> None:
    listed = getattr(target, field.name)
    place = chance.randrange(len(listed)) if len(listed) else None
    match chance.randrange(3):
        case 0 if place is not None:
            del listed[place]
        case 1 if place is not None:
            listed.append(listed[place])
        case _ if field.message_type is not None:
            listed.add()
        case _ if place is not None:
            listed[place] = _value(field, chance)
        case _:
            listed.append(_value(field, chance))


def _value(field: FieldDescriptor, chance: random.Random) -> object:
    if field.cpp_type in (FieldDescriptor.CPPTYPE_FLOAT, FieldDescriptor.CPPTYPE_DOUBLE):
        return chance.choice(FLOATS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_ENUM:
        return chance.choice([value.number for value in field.enum_type.values])
    if field.cpp_type == FieldDescriptor.CPPTYPE_STRING:
        word = chance.choice(WORDS)
        return word.encode() if field.type == FieldDescriptor.TYPE_BYTES else word
    number = chance.choice(NUMBERS)
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT64:
        return number
    if field.cpp_type == FieldDescriptor.CPPTYPE_INT32:
        return max(-(1 << 31), min((1 << 31) - 1, number))
    return abs(number) % (1 << 32)
