"""ONNX in: a checked graph in which every shape is known and all that can be computed is."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper, shape_inference
from onnx.reference import ReferenceEvaluator

from swiftlet.compiler.graph import Graph, Node, Shape
from swiftlet.errors import SwiftletError

LARGEST = 1 << 31  # bytes of one tensor
FOLDED_LARGEST = 1 << 24  # values that a constant computed here may have
OPSETS = range(7, 26)


def read(path: str | Path, batch: int = 1, shapes: Mapping[str, Shape] | None = None) -> Graph:
    """The graph of an ONNX file, with the batch size and the open sizes fixed.

    `shapes` gives the shapes of inputs that the file leaves open. Raises SwiftletError for what is
    no ONNX file, is damaged, reads outside its folder, or keeps a size open.
    """
    path = Path(path)
    if not path.is_file():
        raise SwiftletError(f"{path} does not exist; give an ONNX file.")
    try:
        model = onnx.load(path, load_external_data=False)
        _load_outside(model, path)
        return read_model(model, name=path.stem, batch=batch, shapes=shapes)
    except DecodeError as error:
        raise SwiftletError(f"{path} is no ONNX file, or is cut short.") from error


def read_model(
    model: onnx.ModelProto,
    *,
    name: str = "network",
    batch: int = 1,
    shapes: Mapping[str, Shape] | None = None,
) -> Graph:
    """The graph of a model in memory; see `read`."""
    if not model.graph.node:
        raise SwiftletError(f"{name} holds no network: its graph has no node.")
    _check_opset(model, name)
    _check_sizes(model, name)
    fixed = onnx.ModelProto()
    fixed.CopyFrom(model)
    del fixed.graph.value_info[:]
    _fix_inputs(fixed, batch, shapes or {})
    try:
        onnx.checker.check_model(model)
        fixed = _infer(fixed)
    except (onnx.checker.ValidationError, shape_inference.InferenceError, ValueError, RuntimeError) as error:
        reason = re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
        raise SwiftletError(f"{name} is not a valid network ({reason[:200]}).") from error
    return _graph(fixed, name)


def _load_outside(model: onnx.ModelProto, path: Path) -> None:
    """Read external data, which must lie in the folder of the file."""
    folder = path.resolve().parent
    for tensor in model.graph.initializer:
        if tensor.data_location != onnx.TensorProto.EXTERNAL:
            continue
        location = next((e.value for e in tensor.external_data if e.key == "location"), "")
        place = (folder / location).resolve()
        if not location or not place.is_relative_to(folder) or not place.is_file():
            raise SwiftletError(
                f"{path}: the data of {tensor.name!r} lies in {location!r}; accepted are files in "
                "the folder of the ONNX file."
            )
    onnx.load_external_data_for_model(model, str(folder))


def _check_opset(model: onnx.ModelProto, name: str) -> None:
    for item in model.opset_import:
        if item.domain in ("", "ai.onnx") and item.version not in OPSETS:
            raise SwiftletError(
                f"{name} uses operator set {item.version}; accepted: {OPSETS.start} to "
                f"{OPSETS.stop - 1}."
            )


def _check_sizes(model: onnx.ModelProto, name: str) -> None:
    """A constant must be as large as it says."""
    for tensor in model.graph.initializer:
        values = 1
        for side in tensor.dims:
            values *= side
            if side < 0 or values * 8 > LARGEST:
                raise SwiftletError(f"{name}: {tensor.name!r} has the size {list(tensor.dims)}.")


def _fix_inputs(model: onnx.ModelProto, batch: int, shapes: Mapping[str, Shape]) -> None:
    known = {tensor.name for tensor in model.graph.initializer}
    for value in model.graph.input:
        if value.name in known:
            continue
        dims = value.type.tensor_type.shape.dim
        given = shapes.get(value.name)
        if given is not None and len(given) != len(dims):
            raise SwiftletError(f"shapes: {value.name!r} has {len(dims)} axes, not {len(given)}.")
        for axis, dim in enumerate(dims):
            if given is not None:
                dim.dim_value = given[axis]
            elif not dim.HasField("dim_value") and axis == 0:
                dim.dim_value = batch
            elif not dim.HasField("dim_value"):
                raise SwiftletError(
                    f"the input {value.name!r} leaves axis {axis} ({dim.dim_param or 'unnamed'}) "
                    "open; give its shape, such as --shape 1x3x224x224."
                )
    for value in model.graph.output:
        value.type.tensor_type.ClearField("shape")


def _infer(model: onnx.ModelProto) -> onnx.ModelProto:
    return shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)


def _graph(model: onnx.ModelProto, name: str) -> Graph:
    shapes: dict[str, Shape] = {}
    types: dict[str, np.dtype[Any]] = {}
    constants = {t.name: numpy_helper.to_array(t) for t in model.graph.initializer}
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        kind = value.type.tensor_type
        if all(dim.HasField("dim_value") for dim in kind.shape.dim) and kind.HasField("shape"):
            shapes[value.name] = tuple(dim.dim_value for dim in kind.shape.dim)
        if kind.elem_type:
            types[value.name] = np.dtype(helper.tensor_dtype_to_np_dtype(kind.elem_type))
    graph = Graph(
        name=re.sub(r"\W", "_", name),
        nodes=[],
        inputs=[v.name for v in model.graph.input if v.name not in constants],
        outputs=[v.name for v in model.graph.output],
        constants=constants,
        shapes=shapes,
        types=types,
    )
    opsets = list(model.opset_import)
    for number, proto in enumerate(model.graph.node):
        node = Node(
            op=proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}",
            name=proto.name or f"{proto.op_type}_{number}",
            inputs=list(proto.input),
            outputs=list(proto.output),
            attributes={a.name: helper.get_attribute_value(a) for a in proto.attribute},
        )
        if not _fold(node, proto, graph, opsets):
            graph.nodes.append(node)
    for known, value in graph.constants.items():
        graph.shapes[known], graph.types[known] = value.shape, value.dtype
    for node in graph.nodes:
        for output in node.outputs:
            if output and output not in graph.shapes:
                raise node.fail(f"the shape of its output {output!r} is not known beforehand")
    return graph


def _fold(node: Node, proto: onnx.NodeProto, graph: Graph, opsets: list[Any]) -> bool:
    """Compute a node now when all that it reads is known."""
    if node.op == "Shape" and node.inputs[0] in graph.shapes:
        full = graph.shapes[node.inputs[0]]
        start, end = node.attributes.get("start", 0), node.attributes.get("end", len(full))
        graph.constants[node.outputs[0]] = np.array(full[start:end], np.int64)
        return True
    given = [name for name in node.inputs if name]
    random = node.op.startswith(("Random", "Bernoulli", "Multinomial"))
    if random or any(name not in graph.constants for name in given):
        return False
    sizes = [int(np.prod(graph.shapes.get(name, ()))) for name in node.outputs]
    if max(sizes, default=0) > FOLDED_LARGEST:
        return False
    lone = helper.make_graph(
        [proto],
        "constant",
        [],
        [helper.make_value_info(name, onnx.TypeProto()) for name in node.outputs if name],
        [numpy_helper.from_array(graph.constants[name], name) for name in dict.fromkeys(given)],
    )
    try:
        found = ReferenceEvaluator(helper.make_model(lone, opset_imports=opsets)).run(None, {})
    except Exception as error:
        raise node.fail(f"its constant inputs give no value ({str(error)[:100]})") from error
    names = [name for name in node.outputs if name]
    graph.constants.update({n: np.asarray(value) for n, value in zip(names, found, strict=True)})
    return True
