"""The caller's arrays: inputs as the layers read them, and outputs as the caller wants them."""

import numpy as np

from martlet.compiler.ir.graph import EXACT_WHOLE
from martlet.compiler.ir.tensor_view import Buffer, Maps
from martlet.compiler.kernels.convert import Convert
from martlet.compiler.lowering.context import Lowering
from martlet.errors import MartletError


def take_inputs(low: Lowering) -> None:
    """Where all inputs lie; of other numbers than the layers' own a layer makes theirs."""
    for number, name in enumerate(low.graph.inputs):
        given = _outside(low, "input", number, name)
        low.program.inputs.append((name, given))
        low.maps[name] = given
        if low.held_as(given.dtype) != given.dtype:
            inside = low.in_rows(given.shape)
            low.add(Convert(f"{name} as floats", given.buffers[0], 0, inside.buffers[0]))
            low.maps[name] = inside


def give_outputs(low: Lowering) -> None:
    """Add the layers that write all outputs."""
    for number, name in enumerate(low.graph.outputs):
        target = _outside(low, "output", number, name)
        low.program.outputs.append((name, target))
        if low.held_as(target.dtype) == target.dtype:
            low.copy(f"{name} to output", low.placed(name), target)
        else:
            _give_whole(low, name, target)


def _outside(low: Lowering, side: str, number: int, name: str) -> Maps:
    """The caller's array of an input or output."""
    kind = low.graph.types.get(name)
    if kind is None or low.held_as(kind) not in low.served:
        listed = ", ".join(map(str, low.served))
        raise MartletError(
            f"the {side} {name!r} is {kind}; {listed}, whole numbers and truth values are "
            "supported."
        )
    return low.in_rows(low.graph.shapes[name], f"{side}{number}", kind)


def _give_whole(low: Lowering, name: str, target: Maps) -> None:
    """Add the layer that writes an output of whole numbers or truth values."""
    inputs, producers, made_of = dict(low.program.inputs), low.graph.producers(), name
    while made_of in producers and producers[made_of].op == "Identity":
        made_of = producers[made_of].inputs[0]
    value = None if name in low.maps else low.graph.constants.get(name)
    if value is not None and np.abs(value.astype(float)).max(initial=0) > EXACT_WHOLE:
        raise MartletError(
            f"the output {name!r} is constant, with numbers beyond {EXACT_WHOLE:,}; whole numbers "
            "up to that are supported."
        )
    low.placed(name)
    x = low.rows(name)
    assert isinstance(x.source, Buffer)
    source, start = x.source, x.start
    if made_of in inputs and inputs[made_of].dtype == target.dtype:  # handed through, exactly
        source, start = inputs[made_of].buffers[0], 0
    low.add(Convert(f"{name} to output", source, start, target.buffers[0]))
