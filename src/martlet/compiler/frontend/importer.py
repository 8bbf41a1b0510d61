"""ONNX in: a checked graph in which every shape is known and all that can be computed is."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper, shape_inference

from martlet.compiler.frontend.canonicalize import normalise, rounds_up, settle
from martlet.compiler.frontend.check_model import ONNX_DOMAINS, check, check_sides, load_outside
from martlet.compiler.frontend.check_nodes import validate
from martlet.compiler.frontend.constant_folding import fold
from martlet.compiler.ir.graph import Constant, Graph, Node, Shape
from martlet.errors import MartletError

INFERRED_CONSTANT_VALUES = 4096  # values of a constant that shape inference may want to know
SAME_SHAPE = ("GroupNormalization", "MeanVarianceNormalization")


def load(path: str | Path) -> onnx.ModelProto:
    """The content of an ONNX file, not yet checked, with the data that lies beside it.

    Raises MartletError for what is no ONNX file or reads outside its folder.
    """
    path = Path(path)
    if not path.is_file():
        raise MartletError(f"{path} does not exist; give an ONNX file.")
    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except OSError as error:
        raise MartletError(f"{path} cannot be read ({error.strerror}).") from error
    except DecodeError as error:
        raise MartletError(f"{path} is no ONNX file, or is cut short.") from error
    load_outside(model, path)
    return model


def read_model(
    model: onnx.ModelProto,
    *,
    name: str = "network",
    batch: int = 1,
    shapes: Mapping[str, Shape] | None = None,
) -> Graph:
    """The graph of a model, with the batch size and the open sizes fixed.

    `shapes` gives the shapes of inputs that the file leaves open. Raises MartletError for a model
    that is damaged or keeps a size open.
    """
    check(model, name)
    constants = _constants(model, name)
    sketch = _sketch(model, constants)
    inputs = (value for value in sketch.graph.input if value.name not in constants)
    _fix_inputs(inputs, batch, shapes or {})
    try:
        onnx.checker.check_model(sketch)
        given = {value.name: value for value in sketch.graph.input}
        for value in sketch.graph.output:
            value.type.tensor_type.ClearField("shape")
            if value.name in given:  # handed through
                value.CopyFrom(given[value.name])
        return _graph(sketch, list(model.graph.node), name, constants)
    except (
        onnx.checker.ValidationError, shape_inference.InferenceError, ValueError, RuntimeError,
        TypeError, OverflowError, KeyError, IndexError, AttributeError, UnicodeDecodeError,
    ) as error:  # fmt: skip
        if isinstance(error, MartletError):
            raise
        reason = re.sub(r"\s+", " ", str(error)).strip().rstrip(".")
        raise MartletError(f"{name} is not a valid network ({reason[:200]}).") from error


def _constants(model: onnx.ModelProto, name: str) -> dict[str, Constant]:
    found = {}
    for tensor in model.graph.initializer:
        try:
            found[tensor.name] = numpy_helper.to_array(tensor)
        except Exception as error:  # whatever onnx raises for the many types
            reason = str(error)[:100]
            raise MartletError(
                f"{name}: the constant {tensor.name!r} cannot be read ({reason})."
            ) from error
    return found


def _sketch(model: onnx.ModelProto, constants: Mapping[str, Constant]) -> onnx.ModelProto:
    """The model without large constants: they are inputs in the eyes of shape inference."""
    sketch = onnx.ModelProto()
    sketch.ir_version = max(model.ir_version, 4)
    sketch.opset_import.extend(item for item in model.opset_import if item.domain in ONNX_DOMAINS)
    graph = sketch.graph
    graph.name = "network"
    graph.node.extend(map(_stand_in, model.graph.node))
    for value in model.graph.output:  # what it says of their shapes was for another batch
        graph.output.add().CopyFrom(value)
        graph.output[-1].type.tensor_type.ClearField("shape")
        graph.output[-1].type.tensor_type.shape.SetInParent()  # the checker wants one
    for value in model.graph.input:
        if value.name not in constants:
            graph.input.add().CopyFrom(value)
    for name, value in constants.items():
        _add_constant(graph, name, value)
    return sketch


def _stand_in(proto: onnx.NodeProto) -> onnx.NodeProto:
    """The node that shape inference sees: it does not know of some that they keep shapes."""
    if proto.op_type not in SAME_SHAPE or not proto.input:
        return proto
    return helper.make_node("Relu", proto.input[:1], proto.output[:1], name=proto.name)


def _add_constant(graph: onnx.GraphProto, name: str, value: Constant) -> None:
    if value.size <= INFERRED_CONSTANT_VALUES and value.dtype != object:
        graph.initializer.append(numpy_helper.from_array(value, name))
    else:
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        graph.input.append(helper.make_tensor_value_info(name, kind, value.shape))


def _fix_inputs(
    inputs: Iterable[onnx.ValueInfoProto], batch: int, shapes: Mapping[str, Shape]
) -> None:
    for value in inputs:
        given, dims = shapes.get(value.name), value.type.tensor_type.shape.dim
        if not value.type.tensor_type.HasField("shape"):
            if given is None:
                raise MartletError(f"the input {value.name!r} has no shape; give it.")
            for _ in given:
                dims.add()
        if given is not None and len(given) != len(dims):
            raise MartletError(f"shapes: {value.name!r} has {len(dims)} axes, not {len(given)}.")
        for sides in ([batch], given or ()):
            check_sides(sides, f"the input {value.name!r}")
        for axis, dim in enumerate(dims):
            if given is not None:
                dim.dim_value = given[axis]
            elif not dim.HasField("dim_value") and axis == 0:
                dim.dim_value = batch
            elif not dim.HasField("dim_value"):
                raise MartletError(
                    f"the input {value.name!r} leaves axis {axis} ({dim.dim_param or 'unnamed'}) "
                    "open; give its shape, such as --shape 1x3x224x224."
                )
        check_sides([dim.dim_value for dim in dims], f"the input {value.name!r}")


def _graph(
    model: onnx.ModelProto, protos: list[onnx.NodeProto], name: str, constants: dict[str, Constant]
) -> Graph:
    opset = next(item.version for item in model.opset_import if item.domain in ONNX_DOMAINS)
    graph = Graph(
        name=re.sub(r"\W", "_", name, flags=re.ASCII),
        nodes=[],
        inputs=[v.name for v in model.graph.input if v.name not in constants],
        outputs=[v.name for v in model.graph.output],
        constants=constants,
        shapes={},
        types={},
    )
    protos = _settle_pools(model, protos)
    while True:  # each inference with what the last made known
        _learn_shapes(model, graph)
        left = [proto for proto in protos if not fold(_node(proto, 0), proto, graph, opset)]
        _learn_constants(graph)
        made = {name for proto in left for name in proto.output if name}
        done = len(left) == len(protos) or made <= graph.shapes.keys()
        protos = left
        if done:
            break
        _replace_nodes(model, protos, graph)
    used = {name for proto in protos for name in proto.input} | set(graph.outputs)
    for number, proto in enumerate(protos):
        node = _node(proto, number)
        if node.op != "Split":  # what nobody reads is not made
            node.outputs = [output if output in used else "" for output in node.outputs]
        for output in node.outputs:
            if output and output not in graph.shapes:
                raise node.fail(f"the shape of its output {output!r} is not known beforehand")
        normalise(node, graph, opset)
        validate(node, graph)
        graph.nodes.append(node)
    return graph


def _settle_pools(model: onnx.ModelProto, protos: list[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Pools that round up, one after the other: each changes the shapes behind it."""
    settled = list(protos)
    for number in (number for number, proto in enumerate(protos) if rounds_up(proto)):
        changed = onnx.NodeProto()
        changed.CopyFrom(protos[number])
        if settle(changed, {value.name: _shape(value) for value in _infer(model)}):
            settled[number] = changed
            model.graph.node[number].CopyFrom(changed)
    return settled


def _infer(model: onnx.ModelProto, *, strict: bool = False) -> list[onnx.ValueInfoProto]:
    """What onnx infers of the tensors; not strict: what does not fit together is let through."""
    endless = any(proto.op_type == "Range" for proto in model.graph.node)  # it would be written out
    graph = shape_inference.infer_shapes(
        model, check_type=strict, strict_mode=strict, data_prop=not endless
    ).graph
    return [*graph.input, *graph.value_info, *graph.output]


def _shape(value: onnx.ValueInfoProto) -> Shape | None:
    """The shape of a tensor that is known to the last side."""
    kind = value.type.tensor_type
    known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim)
    return tuple(dim.dim_value for dim in kind.shape.dim) if known else None


def _node(proto: onnx.NodeProto, number: int) -> Node:
    return Node(
        op=proto.op_type,
        name=proto.name or f"{proto.op_type}_{number}",
        inputs=list(proto.input),
        outputs=list(proto.output),
        attributes={a.name: helper.get_attribute_value(a) for a in proto.attribute},
    )


def _learn_shapes(model: onnx.ModelProto, graph: Graph) -> None:
    """Let onnx infer shapes, and take over those that are known to the last side."""
    for value in _infer(model, strict=True):
        kind, shape = value.type.tensor_type.elem_type, _shape(value)
        if shape is not None:
            check_sides(shape, f"the tensor {value.name!r}")
            graph.shapes[value.name] = shape
        if kind:
            graph.types[value.name] = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
    _learn_constants(graph)


def _learn_constants(graph: Graph) -> None:
    for name, value in graph.constants.items():
        graph.shapes[name], graph.types[name] = value.shape, value.dtype
    for name, shape in graph.shapes.items():  # of no value all is known
        if 0 in shape and name not in graph.constants and name in graph.types:
            graph.constants[name] = np.zeros(shape, graph.types[name])


def _replace_nodes(model: onnx.ModelProto, protos: list[onnx.NodeProto], graph: Graph) -> None:
    """What was computed is a constant for the next inference."""
    there = {v.name for v in (*model.graph.input, *model.graph.initializer)}
    wanted = {name for proto in protos for name in proto.input} | set(graph.outputs)
    del model.graph.node[:]
    model.graph.node.extend(map(_stand_in, protos))
    for name in wanted & set(graph.constants) - there:
        _add_constant(model.graph, name, graph.constants[name])
