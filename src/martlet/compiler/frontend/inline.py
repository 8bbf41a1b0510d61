"""Functions of a model's own, as PyTorch's exporter writes them: inlined by onnx."""

from collections import Counter
from collections.abc import Iterable, Mapping

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
    calls = {key: Counter(map(_key, _nodes(f.node))) for key, f in functions.items()}
    sizes: dict[Key, int] = {}
    for key in functions:
        _measure(key, calls, sizes, name)
    nodes = (sizes.get(_key(node), 1) for node in _nodes(model.graph.node))
    if sum(nodes) > MOST_NODES:
        raise MartletError(f"{name}: its functions become more than {MOST_NODES} nodes.")


def _measure(
    first: Key, calls: Mapping[Key, Mapping[Key, int]], sizes: dict[Key, int], name: str
) -> None:
    """Note how many nodes a function becomes, and those that it calls: without recursion.

    `calls` has for each function how often it calls which operators and functions.
    """
    if first in sizes:
        return
    path, open_ = [(first, iter(calls[first]))], {first}
    while path:
        key, called = path[-1]
        other = next((each for each in called if each in calls and each not in sizes), None)
        if other is None:
            each = (times * sizes.get(one, 1) for one, times in calls[key].items())
            sizes[key] = min(MOST_NODES + 1, 1 + sum(each))
            open_.discard(key)
            path.pop()
        elif other in open_:
            raise MartletError(f"{name}: its function {key[1]!r} calls itself.")
        else:
            path.append((other, iter(calls[other])))
            open_.add(other)


def _nodes(nodes: Iterable[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """All nodes, also deep inside."""
    nodes = list(nodes)
    return [*nodes, *(node for graph in inside(nodes) for node in graph.node)]


def _key(node: onnx.NodeProto) -> Key:
    return node.domain, node.op_type, node.overload
