"""What a model must fulfil before onnx's own code, which is C++, is let at it.

Everything is looked at in Python, with sizes bounded; whatever is wrong is one sentence.
"""

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from martlet.compiler.ir.graph import Shape
from martlet.errors import MartletError

MOST_TENSOR_BYTES = 1 << 31  # bytes of one tensor
MOST_AXES = 16
MOST_NODES = 100_000
OPSETS = range(6, onnx.defs.onnx_opset_version() + 1)
ONNX_DOMAINS = ("", "ai.onnx")
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


def check(model: onnx.ModelProto, name: str) -> None:
    """Raises MartletError for a model that is damaged, hostile or of a kind not supported."""
    graph = model.graph
    _check_words(model, name)
    if not graph.node:
        raise MartletError(f"{name} holds no network: its graph has no node.")
    if len(graph.node) > MOST_NODES:
        raise MartletError(f"{name} has {len(graph.node)} nodes; accepted: up to {MOST_NODES}.")
    if model.functions or graph.sparse_initializer:
        what = "functions of its own" if model.functions else "sparse constants"
        raise MartletError(f"{name} has {what}, which are not supported.")
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
    versions = [item.version for item in model.opset_import if item.domain in ONNX_DOMAINS]
    if len(versions) != 1 or versions[0] not in OPSETS:
        found = ", ".join(map(str, versions)) or "none"
        raise MartletError(
            f"{name} uses operator set {found}; accepted: one of {OPSETS.start} to "
            f"{OPSETS.stop - 1}."
        )


def _check_words(model: onnx.ModelProto, name: str) -> None:
    """Names must be text: protobuf hands on what is not as bytes."""
    graph = model.graph
    words: list[Any] = [item.domain for item in model.opset_import]
    for value in (*graph.input, *graph.output, *graph.initializer):
        words.append(value.name)
    for node in graph.node:
        words += [node.name, node.op_type, node.domain, *node.input, *node.output]
        words += [attribute.name for attribute in node.attribute]
    wrong = [word for word in words if not isinstance(word, str)]
    wrong += [node.op_type for node in graph.node if not str(node.op_type).isidentifier()]
    if wrong:
        raise MartletError(f"{name} is damaged: the name {wrong[0]!r} is not accepted.")


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
    check_sides(sides, f"{name}: {value.name!r}")


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
    size, count = _raw_bytes(tensor, what), prod(tensor.dims)
    if tensor.HasField("raw_data"):
        if len(tensor.raw_data) != size:
            raise MartletError(f"{what} has {len(tensor.raw_data)} bytes for {count} values.")
        return
    if tensor.data_type in VALUE_FIELDS:
        found = len(getattr(tensor, VALUE_FIELDS[tensor.data_type]))
        if found != count:
            raise MartletError(f"{what} has {found} values where its size says {count}.")


def _raw_bytes(tensor: TensorProto, what: str) -> int:
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


def _check_node(node: onnx.NodeProto, number: int, known: set[str]) -> None:
    """Adds the node's outputs to `known`."""
    what = f"node {node.name or f'{node.op_type}_{number}'!r} ({node.op_type})"
    if node.domain not in ONNX_DOMAINS:
        raise MartletError(
            f"{what} is of the domain {node.domain!r}; operators of ONNX itself are supported."
        )
    missing = next((name for name in node.input if name and name not in known), None)
    if missing is not None:
        raise MartletError(f"{what} reads {missing!r}, which nothing before it makes.")
    seen = set()
    for attribute in node.attribute:
        if attribute.name in seen:
            raise MartletError(f"{what} has the attribute {attribute.name!r} twice.")
        seen.add(attribute.name)
        _check_attribute(attribute, what)
    for output in node.output:
        if output in known:
            raise MartletError(f"{what} makes {output!r}, which is there already.")
        known.update([output] if output else [])
    if not any(node.output):
        raise MartletError(f"{what} makes nothing.")


def _check_attribute(attribute: onnx.AttributeProto, what: str) -> None:
    kind = onnx.AttributeProto.AttributeType
    if attribute.type in (kind.GRAPH, kind.GRAPHS) or attribute.HasField("g") or attribute.graphs:
        raise MartletError(f"{what} holds a network of its own, which is not supported.")
    if attribute.HasField("sparse_tensor") or attribute.sparse_tensors or attribute.ref_attr_name:
        raise MartletError(f"{what}: the attribute {attribute.name!r} is of an unsupported kind.")
    for tensor in (*([attribute.t] if attribute.HasField("t") else []), *attribute.tensors):
        check_tensor(tensor, f"{what}: its constant {attribute.name!r}")


def load_outside(model: onnx.ModelProto, path: Path) -> None:
    """Read external data of constants, which must lie in the folder of the file.

    Raises MartletError for paths that leave it, and for data that is missing or too short.
    """
    folder = path.resolve().parent
    for tensor in model.graph.initializer:
        if tensor.data_location != TensorProto.EXTERNAL:
            continue
        told = {item.key: item.value for item in tensor.external_data}
        what = f"{path}: the data of {tensor.name!r}"
        location = told.get("location", "")
        place = _place(folder, location)
        if place is None:
            raise MartletError(
                f"{what} lies in {location!r}; accepted are files in the folder of the ONNX file."
            )
        size = _raw_bytes(tensor, what)
        start, length = _number(told.get("offset", "0")), _number(told.get("length", f"{size}"))
        if start is None or length != size or start + size > place.stat().st_size:
            raise MartletError(f"{what} is not whole: {size} bytes from {start} on are needed.")
        with place.open("rb") as file:
            file.seek(start)
            content = file.read(size)
        tensor.ClearField("external_data")
        tensor.data_location = TensorProto.DEFAULT
        tensor.raw_data = content


def _place(folder: Path, location: str) -> Path | None:
    """The file, links followed, if it lies in the folder."""
    try:
        place = (folder / location).resolve()
        fine = bool(location) and place.is_relative_to(folder) and place.is_file()
    except (OSError, ValueError, RuntimeError):
        return None
    return place if fine else None


def _number(text: str) -> int | None:
    """A count of bytes, or None."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
