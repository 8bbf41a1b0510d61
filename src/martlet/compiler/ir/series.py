"""A network of recordings as the compiler sees it: which axis of its input is time."""

from dataclasses import dataclass

from martlet.compiler.ir.graph import FLOAT32, Graph
from martlet.errors import MartletError


@dataclass(frozen=True)
class Series:
    """The input of a network that takes a window of a recording.

    length: samples in a window; channels: numbers in a sample.
    by_sample: whether the numbers of a sample lie side by side in the input.
    rows: whether the first convolution, too, has a row of its maps for each sample.
    """

    length: int
    channels: int
    by_sample: bool
    rows: bool


def series_of(graph: Graph) -> Series:
    """Of (1, 1, length, channels), (1, channels, 1, length) or (1, channels, length).

    Raises MartletError for a network that takes, or gives, anything else.
    """
    inputs = [(name, graph.shapes[name]) for name in graph.inputs]
    if len(inputs) != 1 or len(graph.outputs) != 1:
        raise MartletError(
            f"stream is for a network of one input and one output; this one has {len(inputs)} and "
            f"{len(graph.outputs)}."
        )
    odd = next((n for n in (*graph.inputs, *graph.outputs) if graph.types[n] != FLOAT32), None)
    if odd is not None:
        raise MartletError(f"stream is for float32; {odd!r} is {graph.types[odd]}.")
    name, shape = inputs[0]
    if len(shape) == 4 and shape[:2] == (1, 1) and shape[2] > 1:
        return Series(shape[2], shape[3], True, rows_are_samples(graph))
    if len(shape) in (3, 4) and shape[0] == 1 and shape[2:-1] in ((), (1,)) and shape[-1] > 1:
        return Series(shape[-1], shape[1], False, False)
    raise MartletError(
        f"stream is for windows of a recording; the input {name!r} is {shape}, and accepted are "
        "(1, 1, length, channels), (1, channels, 1, length) and (1, channels, length)."
    )


def rows_are_samples(graph: Graph) -> bool:
    """Whether (1, 1, length, channels) keeps its third axis up to the first convolution."""
    name, readers = graph.inputs[0], graph.consumers()
    while len(found := readers.get(name, [])) == 1:
        (node,) = found
        if node.op == "Conv":
            return graph.types[name] == FLOAT32
        kept = node.op == "Transpose" and [*node.attributes.get("perm", ())] == [0, 3, 2, 1]
        if not kept and node.op != "Identity":
            return False
        name = node.outputs[0]
    return False
