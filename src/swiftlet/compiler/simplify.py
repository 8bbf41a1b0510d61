"""Fewer nodes, same numbers: what costs nothing at run time is done here, once.

After it a convolution carries its batch normalisation in its weights, and its activation and the
tensor that is added to its result as attributes and an input: `act` before the addition, `add` the
name of the tensor, `act_after` behind it, `gate` the name of a tensor that its input is multiplied
with, channel by channel.
"""

from dataclasses import dataclass

import numpy as np

from swiftlet.compiler.graph import Graph, Node


@dataclass(frozen=True)
class Activation:
    """A function of one value with its two parameters."""

    kind: str  # as the C code calls it
    a: float = 0.0
    b: float = 0.0


def simplify(graph: Graph) -> Graph:
    """The same graph, changed in place."""
    _drop_identities(graph)
    _unify(graph)
    _gates(graph)
    _fold_norms(graph)
    _fuse(graph)
    _fuse_gates(graph)
    _drop_dead(graph)
    return graph


def activation(graph: Graph, node: Node) -> Activation | None:
    """What an activation node computes; None for other nodes, and for limits known at run time."""
    given = node.attributes
    match node.op:
        case "Relu" | "Sigmoid" | "Tanh":
            return Activation(node.op.lower())
        case "HardSwish":
            return Activation("hard_swish")
        case "Clip":
            return _clip(graph, node)
        case "HardSigmoid":
            alpha, beta = given.get("alpha", 0.2), given.get("beta", 0.5)
            return Activation("hard_sigmoid", float(alpha), float(beta))
        case "Swish" if given.get("alpha", 1.0) == 1.0:
            return Activation("swish")
        case "LeakyRelu":
            return Activation("leaky_relu", float(given.get("alpha", 0.01)))
    return None


def _clip(graph: Graph, node: Node) -> Activation | None:
    limits = [-np.inf, np.inf]
    for place, name in enumerate(node.inputs[1:3]):
        if name and name not in graph.constants:
            return None
        if name:
            limits[place] = float(graph.constants[name].reshape(()))
    low, high = limits
    return Activation("relu") if (low, high) == (0.0, np.inf) else Activation("clip", low, high)


def _drop_identities(graph: Graph) -> None:
    kept = []
    for node in graph.nodes:
        same = node.op in ("Identity", "Dropout") or (
            node.op == "Cast" and graph.types[node.inputs[0]] == graph.types[node.outputs[0]]
        )
        if same and not any(node.outputs[1:]) and node.outputs[0] not in graph.outputs:
            graph.rename(node.outputs[0], node.inputs[0])
        else:
            kept.append(node)
    graph.nodes = kept


def _unify(graph: Graph) -> None:
    """One name for each way to say the same."""
    for node in graph.nodes:
        shape = graph.shapes.get(node.inputs[0], ()) if node.inputs else ()
        if node.op == "ReduceMean" and len(shape) > 2:
            axes = node.attributes.get("axes")
            if axes is None and len(node.inputs) > 1:
                axes = graph.constant(node, 1)
            spatial = list(range(2, len(shape)))
            if axes is not None and sorted(int(a) % len(shape) for a in axes) == spatial:
                node.op, node.inputs = "GlobalAveragePool", node.inputs[:1]


def _gates(graph: Graph) -> None:
    """x · HardSigmoid(x) is HardSwish, x · Sigmoid(x) is Swish."""
    makers, used = graph.producers(), graph.uses()
    gone = set()
    for node in graph.nodes:
        if node.op != "Mul" or len(node.inputs) != 2:
            continue
        for x, gated in (node.inputs, node.inputs[::-1]):
            gate = makers.get(gated)
            if gate is None or used[gated] != 1 or gate.inputs[0] != x:
                continue
            act = activation(graph, gate)
            if act == Activation("sigmoid"):
                node.op = "Swish"
            elif act is not None and act.kind == "hard_sigmoid":
                if abs(act.a - 1 / 6) > 1e-6 or act.b != 0.5:
                    continue
                node.op = "HardSwish"
            else:
                continue
            node.inputs = [x]
            gone.add(id(gate))
            break
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _fold_norms(graph: Graph) -> None:
    makers, used = graph.producers(), graph.uses()
    gone = set()
    for node in graph.nodes:
        if node.op != "BatchNormalization":
            continue
        conv = makers.get(node.inputs[0])
        if conv is None or conv.op != "Conv" or used[node.inputs[0]] != 1 or conv.inputs[1] not in graph.constants:
            continue
        scale, shift, mean, variance = (graph.constant(node, i) for i in (1, 2, 3, 4))
        factor = scale / np.sqrt(variance.astype(np.float64) + node.attributes.get("epsilon", 1e-5))
        weight = graph.constants[conv.inputs[1]].astype(np.float64)
        bias = graph.constant(conv, 2) if len(conv.inputs) > 2 else None
        folded = shift + ((0.0 if bias is None else bias) - mean) * factor
        names = [f"{conv.name} folded weight", f"{conv.name} folded bias"]
        sides = (-1, *[1] * (weight.ndim - 1))
        graph.constants[names[0]] = (weight * factor.reshape(sides)).astype(np.float32)
        graph.constants[names[1]] = folded.astype(np.float32)
        conv.inputs = [conv.inputs[0], *names]
        conv.outputs = [node.outputs[0]]
        gone.add(id(node))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _fuse(graph: Graph) -> None:
    """Let convolutions do the activation and the addition that follow them."""
    used, readers = graph.uses(), graph.consumers()
    gone = set()
    position = {id(node): place for place, node in enumerate(graph.nodes)}
    made = {name: position[id(node)] for node in graph.nodes for name in node.outputs}
    for node in graph.nodes:
        if node.op not in ("Conv", "Gemm") or id(node) in gone:
            continue
        while used[node.outputs[0]] == 1 and node.outputs[0] not in graph.outputs:
            follower = readers[node.outputs[0]][0]
            act = activation(graph, follower)
            before = "add" not in node.attributes
            if act is not None and ("act" if before else "act_after") not in node.attributes:
                node.attributes["act" if before else "act_after"] = act
            elif follower.op == "Add" and before and node.op == "Conv" and len(follower.inputs) == 2:
                other = next((n for n in follower.inputs if n != node.outputs[0]), None)
                alike = other is not None and graph.shapes[other] == graph.shapes[node.outputs[0]]
                if not alike or other in graph.constants or made.get(other, -1) > position[id(node)]:
                    break
                node.attributes["add"] = other
                node.inputs = [*node.inputs, *[""] * (3 - len(node.inputs)), other]
            else:
                break
            node.outputs = follower.outputs
            made[node.outputs[0]] = position[id(node)]
            gone.add(id(follower))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _fuse_gates(graph: Graph) -> None:
    """A product with a gate per channel, as in SE, moves into the pointwise convolution behind it."""
    makers, used = graph.producers(), graph.uses()
    for node in graph.nodes:
        gating = makers.get(node.inputs[0]) if node.op == "Conv" else None
        if gating is None or gating.op != "Mul" or used[node.inputs[0]] != 1:
            continue
        weight = graph.shapes[node.inputs[1]]
        strides = node.attributes.get("strides", [1])
        if set(weight[2:]) != {1} or set(strides) != {1} or node.attributes.get("group", 1) != 1:
            continue
        for x, gate in (gating.inputs, gating.inputs[::-1]):
            shape = graph.shapes[x]
            if graph.shapes[gate] == (*shape[:2], *[1] * (len(shape) - 2)) and shape != graph.shapes[gate]:
                node.attributes["gate"] = gate
                node.inputs = [x, *node.inputs[1:], gate]
                break


def _drop_dead(graph: Graph) -> None:
    used, kept = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if used & set(node.outputs):
            used |= set(node.inputs)
            kept.append(node)
    graph.nodes = kept[::-1]
