"""A detector's ONNX file that selects its boxes itself: decoding and suppression as operators."""

import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from martlet.errors import MartletError
from martlet.exporting import onnx as plain
from martlet.exporting.trained import Check, Trained
from martlet.inference.onnx_session import open_session
from martlet.storage.files import replacing
from martlet.tasks.detection.limits import (
    LEAST_SCORE,
    MOST_BOXES,
    MOST_CANDIDATES,
    MOST_OVERLAP,
    NO_BOX,
)
from martlet.tasks.detection.rows import COLUMNS, in_pixels, selected

DECODED, BOXES = "decoded", "boxes"
TOLERANCE = 1e-3  # of a pixel and of a score: both select of the same numbers


def write(trained: Trained, path: Path, check: Check) -> dict[str, Any]:
    """Write ONNX to `path`: `input` (batch, *shape) -> `boxes` (batch, 100, 6).

    Of `trained`, whose output is `Decoded`, the file without a selection is compared by `check`;
    then the selection's operators are put behind it, and what it selects is compared with
    `rows.selected`. Boxes are left, top, right and bottom as fractions of the picture, score and
    class, the highest score first; rows of class -1 are no boxes.

    Raises MartletError as `onnx.write`, and when other boxes are selected.
    """
    with tempfile.TemporaryDirectory() as scratch:
        decoded = Path(scratch) / "decoded.onnx"
        facts = plain.write(trained, decoded, check)
        proto = onnx.load(decoded)
        height, width = trained.shape[-2:]
        add_selection(proto, (height, width))
        both = Path(scratch) / "both.onnx"
        onnx.save(proto, both)
        _compare(both, trained.shape)
    del proto.graph.output[1:]
    with replacing(path) as temporary:
        temporary.write_bytes(proto.SerializeToString())
    return facts | {"nodes": plain.operators(proto)}


def add_selection(proto: onnx.ModelProto, size: tuple[int, int]) -> None:
    """Put the selection behind the only output, which becomes the second one.

    size: (height, width) of the network's picture, in whose pixels the decoded boxes are.
    """
    graph, (output,) = proto.graph, proto.graph.output
    places, numbers = (dim.dim_value for dim in output.type.tensor_type.shape.dim[1:])
    nodes = _Nodes(graph)
    rows = _selection(nodes, output.name, places, numbers - 4, size)
    nodes.add("Identity", [rows], BOXES)
    batch = output.type.tensor_type.shape.dim[0].dim_param or 1
    shape = [batch, MOST_BOXES, COLUMNS]
    graph.output.insert(0, helper.make_tensor_value_info(BOXES, TensorProto.FLOAT, shape))


class _Nodes:
    """Adds nodes to a graph; each tensor is called by what makes it."""

    def __init__(self, graph: onnx.GraphProto) -> None:
        self.graph = graph

    def add(self, operator: str, inputs: list[Any], name: str = "", **attributes: Any) -> str:
        """A node; inputs that are no names are constants. Returns the name of its output."""
        return self._append(operator, inputs, 1, name, attributes)[0]

    def two(self, operator: str, inputs: list[Any], **attributes: Any) -> tuple[str, str]:
        """A node with two outputs."""
        first, second = self._append(operator, inputs, 2, "", attributes)
        return first, second

    def _append(
        self, operator: str, inputs: list[Any], outputs: int, name: str, attributes: dict[str, Any]
    ) -> list[str]:
        name = name or f"selection_{len(self.graph.node)}"
        names = [name, f"{name}_second"][:outputs]
        given = [self._named(value) for value in inputs]
        self.graph.node.append(helper.make_node(operator, given, names, name, **attributes))
        return names

    def _named(self, value: Any) -> str:
        if isinstance(value, str):
            return value
        name = f"selection_constant_{len(self.graph.initializer)}"
        self.graph.initializer.append(numpy_helper.from_array(np.asarray(value), name))
        return name


def _selection(
    nodes: _Nodes, decoded: str, places: int, classes: int, size: tuple[int, int]
) -> str:
    """(batch, 100, 6), as rows.py selects them; returns the name of the tensor."""
    add, count = nodes.add, min(MOST_CANDIDATES, places * classes)
    sides = np.array((size[1], size[0]) * 2, np.float32)
    corners = add("Slice", [decoded, np.array([0]), np.array([4]), np.array([2])])
    scores = add("Slice", [decoded, np.array([4]), np.array([4 + classes]), np.array([2])])
    flat = add("Reshape", [scores, np.array([0, -1])])
    values, at = nodes.two("TopK", [flat, np.array([count])], axis=1)
    kinds = add("Mod", [at, np.array(classes)])
    place = add("Unsqueeze", [add("Div", [at, np.array(classes)]), np.array([2])])
    boxes = add("GatherND", [corners, place], batch_dims=1)
    boxes = add("Min", [add("Max", [boxes, np.float32(0)]), sides])
    values = _of_area(nodes, boxes, values)
    kept = _suppressed(nodes, boxes, values, kinds, classes)
    most = min(MOST_BOXES, count)
    values, at = nodes.two("TopK", [kept, np.array([most])], axis=1)
    index = add("Unsqueeze", [at, np.array([2])])
    columns = [
        add("Div", [add("GatherND", [boxes, index], batch_dims=1), sides]),
        add("Unsqueeze", [values, np.array([2])]),
        add("Cast", [add("GatherND", [add("Unsqueeze", [kinds, np.array([2])]), index],
                         batch_dims=1)], to=TensorProto.FLOAT),
    ]  # fmt: skip
    rows = add("Concat", columns, axis=2)
    none = add("Less", [columns[1], np.float32(0)])
    rows = add("Where", [none, np.float32(NO_BOX), rows])
    if most == MOST_BOXES:
        return rows
    return add("Pad", [rows, np.array([0, 0, 0, 0, MOST_BOXES - most, 0]), np.float32(NO_BOX)])


def _of_area(nodes: _Nodes, boxes: str, values: str) -> str:
    """The scores of candidates, 0 of those that have no area in the picture."""
    add = nodes.add
    low = add("Slice", [boxes, np.array([0]), np.array([2]), np.array([2])])
    high = add("Slice", [boxes, np.array([2]), np.array([4]), np.array([2])])
    wide = add("Cast", [add("Greater", [high, low])], to=TensorProto.FLOAT)
    return add("Mul", [values, add("ReduceMin", [wide, np.array([2])], keepdims=0)])


def _suppressed(nodes: _Nodes, boxes: str, values: str, kinds: str, classes: int) -> str:
    """The scores of the candidates that stay, -1 of the others: class by class."""
    add = nodes.add
    own = add(
        "Equal", [add("Unsqueeze", [kinds, np.array([1])]), np.arange(classes)[None, :, None]]
    )
    by_class = add("Where", [own, add("Unsqueeze", [values, np.array([1])]), np.float32(NO_BOX)])
    # ONNX compares overlaps in float32 with the bound in float32, which may lie above the bound.
    overlap = np.float32(MOST_OVERLAP)
    if float(overlap) > MOST_OVERLAP:
        overlap = np.nextafter(overlap, np.float32(0))
    limits = (np.array([limit], np.float32) for limit in (overlap, LEAST_SCORE))
    chosen = add("NonMaxSuppression", [boxes, by_class, np.array([MOST_BOXES]), *limits])
    index = add("Gather", [chosen, np.array([0, 2])], axis=1)
    nothing = numpy_helper.from_array(np.array([NO_BOX], np.float32))
    empty = add("ConstantOfShape", [add("Shape", [values])], value=nothing)
    return add("ScatterND", [empty, index, add("GatherND", [values, index])])


def _compare(path: Path, shape: tuple[int, ...]) -> None:
    """Raises MartletError when the file selects other boxes than rows.py of the same numbers."""
    session, rng = open_session(path), np.random.default_rng(0)
    height, width = shape[-2:]
    for batch in (1, 3):
        given = rng.standard_normal((batch, *shape)).astype(np.float32)
        boxes, decoded = _run(session, given)
        found = in_pixels(boxes, (height, width))
        expected = selected(decoded[..., :4], decoded[..., 4:], (height, width))
        if found.shape != expected.shape or np.abs(found - expected).max() > TOLERANCE:
            raise MartletError(
                f"{path.name} selects other boxes than martlet of a batch of {batch}; this is a "
                "fault of martlet or of ONNX Runtime: give --raw, and select them yourself."
            )


def _run(session: Any, given: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    name = session.get_inputs()[0].name
    return tuple(session.run([BOXES, DECODED], {name: given}))
