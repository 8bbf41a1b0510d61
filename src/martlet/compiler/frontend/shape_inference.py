"""onnx's shape inference, of some nodes at a time: what was computed before is a constant for them.

It sees a sketch of the model: no large constants, and stand-ins for operators that it knows too
little of.
"""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
from onnx import helper, numpy_helper, shape_inference

from martlet.compiler.frontend.check_model import ONNX_DOMAINS, OPEN, check_sides
from martlet.compiler.frontend.rounded_pools import round_down
from martlet.compiler.ir.graph import Constant, Graph, Node, Shape, shape_text

INFERRED_CONSTANT_VALUES = 4096  # values of a constant that shape inference may want to know
CONVOLUTIONS = ("Conv", "ConvTranspose")
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
    """What onnx infers goes into `graph`: part by part, each behind those that it reads."""

    def __init__(self, sketch: onnx.ModelProto, graph: Graph) -> None:
        self._graph, self._model = graph, onnx.ModelProto()
        self._model.ir_version = sketch.ir_version
        self._model.opset_import.extend(sketch.opset_import)
        self._model.graph.name = sketch.graph.name
        self._values: dict[str, onnx.ValueInfoProto] = {}  # what is known of tensors so far
        self.outputs = {value.name: value for value in sketch.graph.output}
        self._pools: dict[str, onnx.NodeProto] = {}  # that rounded up, as inference sees them
        self._take(sketch.graph.input)
        self.learn_constants(graph.constants)

    def learn(self, protos: Sequence[onnx.NodeProto]) -> None:
        """Take over what follows for the outputs of these nodes, none of them an If.

        Raises MartletError for weights that are none of a convolution.
        """
        for proto in protos:
            self._check_weights(proto)
        self._show([self._pools.get(proto.output[0], _stand_in(proto)) for proto in protos])
        endless = any(proto.op_type == "Range" for proto in protos)  # it would be written out
        graph = shape_inference.infer_shapes(
            self._model, check_type=True, strict_mode=True, data_prop=not endless
        ).graph
        self._take([*graph.value_info, *graph.output])

    def learn_bound(self, proto: onnx.NodeProto) -> None:
        """Of a suppression of boxes that is an output: as many rows as can stay at most."""
        graph, name = self._graph, proto.output[0]
        scores = graph.shapes.get(proto.input[1], ()) if len(proto.input) > 1 else ()
        most = graph.constants.get(proto.input[2]) if len(proto.input) > 2 else None
        if name not in self.outputs or len(scores) != 3 or most is None or most.size != 1:
            return
        rows = scores[0] * scores[1] * min(int(most.reshape(-1)[0]), scores[2])
        self._take([helper.make_tensor_value_info(name, onnx.TensorProto.INT64, (max(0, rows), 3))])

    def _check_weights(self, proto: onnx.NodeProto) -> None:
        """onnx up to 1.21 ends the process for weights of a convolution with too few axes."""
        if proto.op_type not in CONVOLUTIONS or len(proto.input) < 2:
            return
        shape = self._graph.shapes.get(proto.input[1])
        if shape is not None and len(shape) < 3:
            node = Node(proto.op_type, proto.name, [*proto.input], [*proto.output])
            raise node.fail(f"its weights have shape {shape_text(shape)}; they need 3 axes or more")

    def learn_constants(self, names: Iterable[str]) -> None:
        """Of each constant the shape and type."""
        for name in names:
            value = self._graph.constants[name]
            self._graph.shapes[name], self._graph.types[name] = value.shape, value.dtype

    def rounded_down(self, proto: onnx.NodeProto) -> onnx.NodeProto:
        """A pool that rounds up as the same one that rounds down; each other node as it is.

        All in front of it must be learned: whether they are the same hangs on its input's shape.
        """
        found = round_down(proto, self._graph.shapes.get(proto.input[0])) if proto.input else None
        if found is None:
            return proto
        self._pools[proto.output[0]], is_same = found
        return found[0] if is_same else proto

    def _take(self, values: Iterable[onnx.ValueInfoProto]) -> None:
        """Note the shapes that are known to the last side, and types; of no value all is known."""
        graph = self._graph
        for value in values:
            name, kind, shape = value.name, value.type.tensor_type.elem_type, _shape(value)
            self._values[name] = onnx.ValueInfoProto()
            self._values[name].CopyFrom(value)
            if shape is not None:
                check_sides(shape, f"the tensor {name!r}")
            if name in graph.constants:
                continue
            if shape is not None:
                graph.shapes[name] = shape
            if kind:
                graph.types[name] = np.dtype(helper.tensor_dtype_to_np_dtype(kind))
            if 0 in graph.shapes.get(name, ()) and name in graph.types:
                graph.constants[name] = np.zeros(graph.shapes[name], graph.types[name])

    def _show(self, nodes: Sequence[onnx.NodeProto]) -> None:
        """Make a model of the nodes, and what is known of all that they read."""
        graph, constants = self._model.graph, self._graph.constants
        del graph.node[:], graph.input[:], graph.output[:], graph.initializer[:]
        graph.node.extend(nodes)
        made = dict.fromkeys(name for node in nodes for name in node.output)
        for name in dict.fromkeys(name for node in nodes for name in node.input):
            if name in made:
                continue
            if name in constants:
                _add_constant(graph, name, constants[name])
            elif name in self._values:
                graph.input.append(self._values[name])
        graph.output.extend(self.outputs[name] for name in made if name in self.outputs)


def _shape(value: onnx.ValueInfoProto) -> Shape | None:
    """The shape of a tensor that is known to the last side."""
    kind = value.type.tensor_type
    known = kind.HasField("shape") and all(dim.HasField("dim_value") for dim in kind.shape.dim)
    return tuple(dim.dim_value for dim in kind.shape.dim) if known else None
