"""What a model must fulfil before onnx's own code, which is C++, is let at it.

Everything is looked at in Python, with sizes bounded; whatever is wrong is one sentence.
"""

from math import prod
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from martlet.compiler.frontend.subgraphs import BRANCHES, all_graphs, inside, is_choice, own_names
from martlet.compiler.ir.graph import Shape
from martlet.errors import MartletError

MOST_TENSOR_BYTES = 1 << 31  # bytes of one tensor
MOST_AXES = 16
MOST_NODES = 100_000
MOST_DEPTH = 8  # of networks in networks
OPSETS = range(6, onnx.defs.onnx_opset_version() + 1)
ONNX_DOMAINS = ("", "ai.onnx")
OPEN = -1  # that some exporters write for a side that is open
OPTIMISED = (
    "ONNX Runtime writes others when it saves a network that it has optimised or quantised for "
    "itself; save it with graph_optimization_level = ORT_DISABLE_ALL"
)
FOREIGN = {  # what to do about an operator of a domain, by how the domain begins
    **dict.fromkeys(("com.microsoft", "com.ms"), OPTIMISED),
    "ai.onnx.ml": "those of trees, scalers and other classical models are not",
    "": "export it again as operators of ONNX",
}
# Fields that hold values when raw_data does not.
VALUE_FIELDS: dict[int, str] = {
    TensorProto.FLOAT: "float_data",
    TensorProto.DOUBLE: "double_data",
    TensorProto.INT64: "int64_data",
    **dict.fromkeys((TensorProto.UINT32, TensorProto.UINT64), "uint64_data"),
    **dict.fromkeys(
        (TensorProto.INT32, TensorProto.INT16, TensorProto.INT8, TensorProto.UINT16,
         TensorProto.UINT8, TensorProto.BOOL, TensorProto.FLOAT16),
        "int32_data",
    ),
}  # fmt: skip


def check_text(model: onnx.ModelProto, name: str) -> None:
    """Raises MartletError where names are no text, and for far too many nodes or none."""
    _check_words(model, name)
    if not model.graph.node:
        raise MartletError(f"{name} holds no network: its graph has no node.")
    nodes = sum(len(part.node) for part in (*_graphs(model), *model.functions))
    if nodes > MOST_NODES:
        raise MartletError(f"{name} has {nodes} nodes; accepted: up to {MOST_NODES}.")


def check(model: onnx.ModelProto, name: str) -> None:
    """Raises MartletError for a model that is damaged, hostile or of a kind not supported.

    Its text is checked, its own functions are inlined, and its nodes are in order.
    """
    graph = model.graph
    if any(each.sparse_initializer for each in all_graphs(graph)):
        raise MartletError(
            f"{name} has sparse constants, which are not supported; save it with dense ones."
        )
    _check_opset(model, name)
    for tensor in graph.initializer:
        check_tensor(tensor, f"{name}: the constant {tensor.name!r}")
    known = _check_names(graph, name)
    for value in (*graph.input, *graph.output):
        _check_value(value, name)
    for number, node in enumerate(graph.node):
        _check_node(node, number, known)
    for value in graph.output:
        if value.name not in known:
            raise MartletError(f"{name}: nothing makes its output {value.name!r}.")


def _check_opset(model: onnx.ModelProto, name: str) -> None:
    domains = (item for item in model.opset_import if item.domain in ONNX_DOMAINS)
    versions = sorted({item.version for item in domains})
    if len(versions) != 1 or versions[0] not in OPSETS:
        found = " and ".join(map(str, versions)) or "none"
        way = "onnx.version_converter may rewrite the file"
        if versions and versions[-1] >= OPSETS.stop:
            way = "a newer onnx may know it (pip install --upgrade onnx)"
        raise MartletError(
            f"{name} uses operator set {found}; accepted: one of {OPSETS.start} to "
            f"{OPSETS.stop - 1}; {way}."
        )


def _check_words(model: onnx.ModelProto, name: str) -> None:
    """Names must be text: protobuf hands on what is not as bytes."""
    words: list[Any] = [item.domain for item in model.opset_import]
    for function in model.functions:
        words += [function.name, function.domain, *function.input, *function.output]
        words += [*function.attribute, *(item.domain for item in function.opset_import)]
    graphs = _graphs(model)
    for graph in graphs:
        words += [value.name for value in (*graph.input, *graph.output, *graph.initializer)]
    nodes = [node for part in (*graphs, *model.functions) for node in part.node]
    for node in nodes:
        words += [node.name, node.op_type, node.domain, *node.input, *node.output]
        words += [attribute.name for attribute in node.attribute]
    wrong = [word for word in words if not isinstance(word, str)]
    wrong += [node.op_type for node in nodes if not str(node.op_type).isidentifier()]
    if wrong:
        raise MartletError(f"{name} is damaged: the name {wrong[0]!r} is not accepted.")


def _graphs(model: onnx.ModelProto) -> list[onnx.GraphProto]:
    """All graphs, also deep inside and of functions; the functions themselves are none."""
    return [*all_graphs(model.graph), *(g for f in model.functions for g in inside(f.node))]


def _check_names(graph: onnx.GraphProto, name: str) -> set[str]:
    """The names of inputs and constants, each given once."""
    constants = [tensor.name for tensor in graph.initializer]
    for kind, names in (("input", [value.name for value in graph.input]), ("constant", constants)):
        seen: set[str] = set()
        for item in names:
            if not item or item in seen:
                raise MartletError(f"{name}: the {kind} {item!r} is there twice or has no name.")
            seen.add(item)
    if len({value.name for value in graph.output}) != len(graph.output) or not graph.output:
        raise MartletError(f"{name} has no outputs, or two of one name.")
    return {*constants, *(value.name for value in graph.input)}


def _check_value(value: onnx.ValueInfoProto, name: str) -> None:
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        found = (kind or "no_type").removesuffix("_type")
        raise MartletError(f"{name}: {value.name!r} is a {found}; accepted are tensors.")
    tensor = value.type.tensor_type
    if tensor.elem_type not in (0, *helper.get_all_tensor_dtypes()):
        raise MartletError(f"{name}: {value.name!r} has the unknown type {tensor.elem_type}.")
    sides = [dim.dim_value for dim in tensor.shape.dim if dim.HasField("dim_value")]
    check_sides([side for side in sides if side != OPEN], f"{name}: {value.name!r}")


def check_sides(sides: list[int] | Shape, what: str) -> None:
    """A shape that no computer can hold, or that none can have, is refused."""
    size = 8
    for side in sides:
        size *= max(1, side)
        if side < 0 or size > MOST_TENSOR_BYTES or len(sides) > MOST_AXES:
            raise MartletError(f"{what} has the impossible or too large size {list(sides)[:8]}.")


def check_tensor(tensor: TensorProto, what: str) -> None:
    """A constant must hold as many values as its sides say, here and not elsewhere."""
    if tensor.data_location == TensorProto.EXTERNAL or tensor.HasField("segment"):
        raise MartletError(f"{what} keeps its data outside the file, where none was read.")
    size, count = raw_bytes(tensor, what), prod(tensor.dims)
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != size:
            raise MartletError(f"{what} has {len(tensor.raw_data)} bytes for {count} values.")
        return
    if tensor.data_type in VALUE_FIELDS:
        found = len(getattr(tensor, VALUE_FIELDS[tensor.data_type]))
        if found != count:
            raise MartletError(f"{what} has {found} values where its size says {count}.")


def raw_bytes(tensor: TensorProto, what: str) -> int:
    """Bytes of its values as raw data; a size or type that cannot be is refused."""
    check_sides(list(tensor.dims), what)
    if tensor.data_type not in helper.get_all_tensor_dtypes():
        raise MartletError(f"{what} has the unknown type {tensor.data_type}.")
    name = TensorProto.DataType.Name(tensor.data_type)
    if name.endswith(("INT4", "FLOAT4E2M1")):
        bits = 4
    elif name.endswith("INT2"):
        bits = 2
    else:
        bits = 8 * np.dtype(helper.tensor_dtype_to_np_dtype(tensor.data_type)).itemsize
    return (prod(tensor.dims) * bits + 7) // 8


def _check_node(node: onnx.NodeProto, number: int, known: set[str], depth: int = 0) -> None:
    """Adds the node's outputs to `known`."""
    what = f"node {node.name or f'{node.op_type}_{number}'!r} ({node.op_type})"
    if node.domain not in ONNX_DOMAINS:
        raise MartletError(
            f"{what} is of the domain {node.domain!r}; operators of ONNX itself are supported"
            f"{_hint(node.domain)}."
        )
    missing = next((name for name in node.input if name and name not in known), None)
    if missing is not None:
        raise MartletError(f"{what} reads {missing!r}, which nothing before it makes.")
    seen = set()
    for attribute in node.attribute:
        if attribute.name in seen:
            raise MartletError(f"{what} has the attribute {attribute.name!r} twice.")
        seen.add(attribute.name)
        if is_choice(node) and attribute.name in BRANCHES:
            _check_branch(attribute.g, len(node.output), known, what, depth + 1)
        else:
            _check_attribute(attribute, what)
    if is_choice(node) and (not seen.issuperset(BRANCHES) or len(node.input) != 1):
        raise MartletError(f"{what} is damaged: it has no condition or no two branches.")
    for output in node.output:
        if output in known:
            raise MartletError(f"{what} makes {output!r}, which is there already.")
        known.update([output] if output else [])
    if not any(node.output):
        raise MartletError(f"{what} makes nothing.")


def _hint(domain: str) -> str:
    return next((f": {text}" for start, text in FOREIGN.items() if domain.startswith(start)), "")


def _check_branch(
    graph: onnx.GraphProto, outputs: int, known: set[str], what: str, depth: int
) -> None:
    """A branch of an If: a graph that reads what is around it, and makes as many outputs."""
    if depth > MOST_DEPTH:
        raise MartletError(f"{what} holds networks in networks; up to {MOST_DEPTH} are accepted.")
    if graph.input or len(graph.output) != outputs:
        raise MartletError(f"{what} is damaged: its branches do not make its outputs.")
    for tensor in graph.initializer:
        check_tensor(tensor, f"{what}: the constant {tensor.name!r}")
        if not tensor.name or tensor.name in known:
            raise MartletError(f"{what}: the constant {tensor.name!r} is there twice.")
        known.add(tensor.name)
    for number, node in enumerate(graph.node):
        _check_node(node, number, known, depth)
    for value in graph.output:
        if value.name not in known:
            raise MartletError(f"{what}: nothing makes its output {value.name!r}.")
    known -= own_names(graph)


def _check_attribute(attribute: onnx.AttributeProto, what: str) -> None:
    kind = onnx.AttributeProto.AttributeType
    if attribute.type in (kind.GRAPH, kind.GRAPHS) or attribute.HasField("g") or attribute.graphs:
        raise MartletError(
            f"{what} holds a network of its own, which is not supported; where its turns are "
            "known, onnxsim writes them out."
        )
    if attribute.HasField("sparse_tensor") or attribute.sparse_tensors or attribute.ref_attr_name:
        raise MartletError(f"{what}: the attribute {attribute.name!r} is of an unsupported kind.")
    check_tensors(attribute, what)


def check_tensors(attribute: onnx.AttributeProto, what: str) -> None:
    """The constants that an attribute holds."""
    for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
        check_tensor(tensor, f"{what}: its constant {attribute.name!r}")
