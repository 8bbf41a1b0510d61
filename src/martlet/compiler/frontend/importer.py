"""ONNX in: a checked graph in which every shape is known and all that can be computed is."""

import re
from collections.abc import Container, Iterable, Mapping
from pathlib import Path

import onnx
from google.protobuf.message import DecodeError
from onnx import helper, numpy_helper, shape_inference

from martlet.compiler.frontend.canonicalize import normalise
from martlet.compiler.frontend.check_model import ONNX_DOMAINS, check, check_sides, check_text
from martlet.compiler.frontend.check_nodes import validate
from martlet.compiler.frontend.constant_folding import fold
from martlet.compiler.frontend.external_data import load_outside
from martlet.compiler.frontend.inline import inlined
from martlet.compiler.frontend.rounded_pools import rounds_up
from martlet.compiler.frontend.shape_inference import ShapeInference, sketch_of
from martlet.compiler.frontend.subgraphs import branch_taken, in_order, is_choice
from martlet.compiler.ir.graph import Constant, Graph, Node, Shape
from martlet.errors import MartletError, shortened

SUPPRESSION = "NonMaxSuppression"  # whose output has as many rows as boxes are left
MOST_AT_ONCE = 200  # nodes of which onnx infers the shapes together


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
    check_text(model, name)
    model = _sorted(inlined(model, name))
    check(model, name)
    constants = _constants(model, name)
    sketch = sketch_of(model, constants)
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
        reason = shortened(str(error), 200)
        raise MartletError(f"{name} is not a valid network ({reason}).") from error


def _constants(model: onnx.ModelProto, name: str) -> dict[str, Constant]:
    found = {}
    for tensor in model.graph.initializer:
        try:
            found[tensor.name] = numpy_helper.to_array(tensor)
        except Exception as error:  # whatever onnx raises for the many types
            reason = shortened(str(error), 100)
            raise MartletError(
                f"{name}: the constant {tensor.name!r} cannot be read ({reason})."
            ) from error
    return found


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
    inference = ShapeInference(model, graph)
    protos = _left(protos, inference, graph, opset)
    used = {name for proto in protos for name in proto.input} | set(graph.outputs)
    for number, proto in enumerate(protos):
        node = _node(proto, number)
        if node.op != "Split":  # what nobody reads is not made
            node.outputs = [output if output in used else "" for output in node.outputs]
        if is_choice(proto):
            raise node.fail(
                "which branch it takes is known at run time only; where that follows from shapes, "
                "give all of them (--shape)"
            )
        for output in node.outputs:
            if output and output not in graph.shapes:
                raise node.fail(
                    "how many boxes are left is known at run time only; with them as an output of "
                    "the network it has as many rows as can be left, of a detector's answers "
                    "`martlet export RUN --raw` writes a network that ends before"
                    if node.op == SUPPRESSION
                    else f"the shape of its output {output!r} is not known beforehand; give all "
                    "sides of the inputs (--shape), or simplify the file with onnxsim"
                )
        normalise(node, graph, opset)
        validate(node, graph)
        graph.nodes.append(node)
    return graph


def _left(
    protos: list[onnx.NodeProto], inference: ShapeInference, graph: Graph, opset: int
) -> list[onnx.NodeProto]:
    """The nodes that are left when all is computed that follows from shapes.

    What is known of a tensor follows from the nodes in front of it alone. So they are gone through
    once, some at a time, and each If gives way to the branch that it takes when its turn comes.
    One whose condition is not known then stays, and what is behind it.
    """
    names = {name for proto in protos for name in (*proto.input, *proto.output)}
    left, ahead = list[onnx.NodeProto](), protos[::-1]
    while ahead:
        if not is_choice(ahead[-1]):
            left += _computed(_part(ahead, inference), inference, graph, opset)
            continue
        choice = ahead.pop()
        if choice.input[0] not in graph.constants:
            return [*left, choice, *reversed(ahead)]
        condition = bool(graph.constants[choice.input[0]].reshape(-1)[:1].any())
        inside, constants = branch_taken(choice, condition, names)
        ahead += reversed(inside)
        graph.constants |= {tensor.name: numpy_helper.to_array(tensor) for tensor in constants}
        inference.learn_constants(tensor.name for tensor in constants)
    return left


def _part(ahead: list[onnx.NodeProto], inference: ShapeInference) -> list[onnx.NodeProto]:
    """The next nodes, taken from the end of `ahead`: up to an If or a pool that rounds up."""
    part = [inference.rounded_down(ahead.pop())]
    while ahead and len(part) < MOST_AT_ONCE and part[-1].op_type != SUPPRESSION:
        if is_choice(ahead[-1]) or rounds_up(ahead[-1]):
            break
        part.append(ahead.pop())
    return part


def _computed(
    part: list[onnx.NodeProto], inference: ShapeInference, graph: Graph, opset: int
) -> list[onnx.NodeProto]:
    """The nodes of a part that are not constants; each inference with what the last made known.

    What is a constant already is not shown to onnx, which is stricter than networks are: a length
    of Range must not be a list of one. But the network's outputs must be of the types it says.
    """
    left = _folded(part, inference, graph, opset, but=inference.outputs)
    while left:
        inference.learn(left)
        for proto in left:
            if proto.op_type == SUPPRESSION:
                inference.learn_bound(proto)
        part, left = left, _folded(left, inference, graph, opset)
        made = (name for proto in left for name in proto.output if name)
        if len(left) == len(part) or all(name in graph.shapes for name in made):
            break
    return left


def _folded(
    part: list[onnx.NodeProto],
    inference: ShapeInference,
    graph: Graph,
    opset: int,
    but: Container[str] = (),
) -> list[onnx.NodeProto]:
    """The nodes without those that can be computed now; those that make one of `but` stay."""
    left = [
        proto
        for proto in part
        if any(name in but for name in proto.output)
        or not fold(_node(proto, 0), proto, graph, opset)
    ]
    made = (name for proto in part for name in proto.output)
    inference.learn_constants(name for name in made if name in graph.constants)
    return left


def _sorted(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with each node behind those that make what it reads."""
    nodes = in_order(model.graph)
    if all(one is other for one, other in zip(nodes, model.graph.node, strict=True)):
        return model
    made = onnx.ModelProto()
    made.CopyFrom(model)
    del made.graph.node[:]
    made.graph.node.extend(nodes)
    return made


def _node(proto: onnx.NodeProto, number: int) -> Node:
    return Node(
        op=proto.op_type,
        name=proto.name or f"{proto.op_type}_{number}",
        inputs=list(proto.input),
        outputs=list(proto.output),
        attributes={a.name: helper.get_attribute_value(a) for a in proto.attribute},
    )
