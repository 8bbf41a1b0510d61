"""Functions of a model's own, as PyTorch's exporter writes them: inlined by onnx."""

from collections.abc import Iterable

import onnx
import onnx.inliner

from martlet.compiler.frontend.check_model import MOST_NODES, check_tensors
from martlet.compiler.frontend.subgraphs import inside
from martlet.errors import MartletError, shortened

Key = tuple[str, str, str]  # domain, name and overload of a function


def inlined(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    """The model without functions of its own; the same model when there are none.

    Raises MartletError for functions that call each other in a circle, or become too many nodes.
    """
    if not model.functions:
        return model
    _check(model, name)
    light = onnx.ModelProto()  # without weights, which onnx would copy several times
    light.ir_version = model.ir_version
    light.opset_import.extend(model.opset_import)
    light.functions.extend(model.functions)
    light.graph.node.extend(model.graph.node)
    for field in ("input", "output", "value_info"):
        getattr(light.graph, field).extend(getattr(model.graph, field))
    light.graph.initializer.extend(
        onnx.TensorProto(name=tensor.name) for tensor in model.graph.initializer
    )
    try:
        flat = onnx.inliner.inline_local_functions(light, convert_version=True)
    except Exception as error:  # whatever onnx's C++ raises
        raise MartletError(
            f"{name}: its own functions cannot be inlined ({shortened(str(error), 200)})."
        ) from error
    made = onnx.ModelProto()
    made.ir_version = model.ir_version
    made.opset_import.extend(flat.opset_import)
    made.metadata_props.extend(model.metadata_props)
    made.graph.CopyFrom(flat.graph)
    del made.graph.initializer[:]
    made.graph.initializer.extend(model.graph.initializer)
    return made


def _check(model: onnx.ModelProto, name: str) -> None:
    """What onnx trusts: that attributes are sound, and that inlining comes to an end."""
    functions = {(f.domain, f.name, f.overload): f for f in model.functions}
    for function in model.functions:
        for node in _nodes(function.node):
            for attribute in node.attribute:
                check_tensors(attribute, f"{name}: {node.op_type} of {function.name!r}")
    sizes: dict[Key, int] = {}
    for key in functions:
        _measure(key, functions, sizes, name)
    calls = (sizes.get(_key(node), 1) for node in _nodes(model.graph.node))
    if sum(calls) > MOST_NODES:
        raise MartletError(f"{name}: its functions become more than {MOST_NODES} nodes.")


def _measure(
    first: Key, functions: dict[Key, onnx.FunctionProto], sizes: dict[Key, int], name: str
) -> None:
    """Note how many nodes a function becomes, and those that it calls: without recursion."""
    path, open_ = [first], {first}
    while path:
        key = path[-1]
        called = {_key(node) for node in _nodes(functions[key].node)} & functions.keys()
        left = [other for other in called if other not in sizes]
        if not left:
            each = (sizes.get(_key(node), 1) for node in _nodes(functions[key].node))
            sizes[key] = min(MOST_NODES + 1, 1 + sum(each))
            open_.discard(path.pop())
        elif left[0] in open_:
            raise MartletError(f"{name}: its function {key[1]!r} calls itself.")
        else:
            path.append(left[0])
            open_.add(left[0])


def _nodes(nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """All nodes, also deep inside."""
    nodes = list(nodes)
    return [*nodes, *(node for graph in inside(nodes) for node in graph.node)]


def _key(node: onnx.NodeProto) -> Key:
    return node.domain, node.op_type, node.overload
