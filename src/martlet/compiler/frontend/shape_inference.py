"""onnx's shape inference, round by round: what was computed meanwhile is a constant for the next.

It sees a sketch of the model: no large constants, stand-ins for operators that it knows too little
of, and nothing behind an If whose branch is not known yet.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from martlet.compiler.frontend.canonicalize import round_down, rounds_up
from martlet.compiler.frontend.check_model import ONNX_DOMAINS, OPEN, check_sides
from martlet.compiler.frontend.subgraphs import is_choice, reads
from martlet.compiler.ir.graph import Constant, Graph, Shape

INFERRED_CONSTANT_VALUES = 4096  # values of a constant that shape inference may want to know
SAME_SHAPE = ("GroupNormalization", "MeanVarianceNormalization")


def sketch_of(model: onnx.ModelProto, constants: Mapping[str, Constant]) -> onnx.ModelProto:
    """The model without large constants: they are inputs in the eyes of shape inference."""
    sketch = onnx.ModelProto()
    sketch.ir_version = max(model.ir_version, 4)
    version = next(item.version for item in model.opset_import if item.domain in ONNX_DOMAINS)
    sketch.opset_import.append(helper.make_opsetid("", version))
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
            _open_sides(graph.input[-1])
    for name, value in constants.items():
        _add_constant(graph, name, value)
    return sketch


def _open_sides(value: onnx.ValueInfoProto) -> None:
    """Leave open what is written as -1."""
    for dim in value.type.tensor_type.shape.dim:
        if dim.dim_value == OPEN:
            dim.ClearField("dim_value")


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


class ShapeInference:
    """What onnx infers of the nodes that are left goes into `graph`."""

    def __init__(self, sketch: onnx.ModelProto, graph: Graph) -> None:
        self._model, self._graph = sketch, graph
        self._outputs = list[onnx.ValueInfoProto]()
        for value in sketch.graph.output:
            self._outputs.append(onnx.ValueInfoProto())
            self._outputs[-1].CopyFrom(value)
        self._pools: dict[str, onnx.NodeProto] = {}  # that rounded up, as inference sees them

    def learn(self, protos: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Take over the shapes that are known to the last side.

        Returns the nodes; of pools that round up, some round down now.
        """
        nodes = self._settle_pools(protos)
        for value in self._infer(nodes, strict=True):
            kind, shape = value.type.tensor_type.elem_type, _shape(value)
            if shape is not None:
                check_sides(shape, f"the tensor {value.name!r}")
                self._graph.shapes[value.name] = shape
            if kind:
                known = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
                self._graph.types[value.name] = known
        self.learn_constants()
        return nodes

    def learn_constants(self) -> None:
        """Of each constant the shape and type; of no value all is known."""
        graph = self._graph
        for name, value in graph.constants.items():
            graph.shapes[name], graph.types[name] = value.shape, value.dtype
        for name, shape in graph.shapes.items():
            if 0 in shape and name not in graph.constants and name in graph.types:
                graph.constants[name] = np.zeros(shape, graph.types[name])

    def _settle_pools(self, protos: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
        """Pools that round up, one after the other: each changes the shapes behind it."""
        settled = list(protos)
        shapes: dict[str, Shape | None] | None = None
        for number, proto in enumerate(protos):
            if not rounds_up(proto) or proto.output[0] in self._pools:
                continue
            if shapes is None:
                shapes = {value.name: _shape(value) for value in self._infer(settled)}
            found = round_down(proto, shapes.get(proto.input[0]))
            if found is not None:
                self._pools[proto.output[0]], is_same = found
                settled[number] = self._pools[proto.output[0]] if is_same else proto
                shapes = None
        return settled

    def _infer(
        self, protos: Sequence[onnx.NodeProto], *, strict: bool = False
    ) -> list[onnx.ValueInfoProto]:
        """What onnx infers of tensors; not strict: what does not fit together is let through."""
        self._show(protos)
        endless = any(proto.op_type == "Range" for proto in protos)  # it would be written out
        graph = shape_inference.infer_shapes(
            self._model, check_type=strict, strict_mode=strict, data_prop=not endless
        ).graph
        return [*graph.input, *graph.value_info, *graph.output]

    def _show(self, protos: Sequence[onnx.NodeProto]) -> None:
        """Put the nodes into the sketch, as far as no If stands in front of them."""
        model, constants = self._model.graph, self._graph.constants
        there = {v.name for v in (*model.input, *model.initializer)}
        shown, hidden = list[onnx.NodeProto](), set[str]()
        for proto in protos:
            if is_choice(proto) or not hidden.isdisjoint(reads(proto)):
                hidden.update(proto.output)
            else:
                shown.append(self._pools.get(proto.output[0], _stand_in(proto)))
        wanted = {name for proto in shown for name in proto.input}
        wanted.update(value.name for value in self._outputs)
        del model.node[:], model.output[:]
        model.node.extend(shown)
        model.output.extend(value for value in self._outputs if value.name not in hidden)
        for name in wanted & set(constants) - there:
            _add_constant(model, name, constants[name])


def _shape(value: onnx.ValueInfoProto) -> Shape | None:
    """The shape of a tensor that is known to the last side."""
    kind = value.type.tensor_type
    known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim)
    return tuple(dim.dim_value for dim in kind.shape.dim) if known else None
