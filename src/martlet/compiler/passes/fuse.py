"""Fewer nodes, same numbers: what costs nothing at run time is done here, once.

After it a convolution carries its batch normalisation in its weights, and its activation and the
tensor that is added to its result as attributes and an input: `act` before the addition, `add` the
name of the tensor, `act_after` behind it, `gate` the name of a tensor that its input is multiplied
with, channel by channel.
"""

from math import prod

from martlet.compiler.ir.graph import Graph, Node
from martlet.compiler.ir.operators import Activation, activation
from martlet.compiler.passes.einsum_products import einsum_products
from martlet.compiler.passes.fold_affine import (
    flush_weights,
    fold_scales,
    merge_pads,
    old_hard_swishes,
)
from martlet.compiler.passes.join_transposed import join_transposed
from martlet.compiler.passes.merge_branches import merge_branches
from martlet.compiler.passes.name_activations import name_activations
from martlet.compiler.passes.sink_transposes import sink_transposes
from martlet.compiler.passes.split_transposed import split_transposed

# What takes an activation behind it along.
FUSING = ("Conv", "Gemm", "MatMul", "MaxPool", "AveragePool", "ScaleShift")


def simplify(graph: Graph) -> Graph:
    """The same graph, changed in place."""
    _drop_identities(graph)
    sink_transposes(graph)
    _drop_dead(graph)
    _drop_identities(graph)
    _unify(graph)
    einsum_products(graph)
    old_hard_swishes(graph)
    _gates(graph)
    name_activations(graph)
    _drop_dead(graph)
    merge_pads(graph)
    fold_scales(graph)
    merge_branches(graph)
    split_transposed(graph)
    _spread_activations(graph)
    _fuse(graph)
    _fuse_gates(graph)
    join_transposed(graph)
    _drop_dead(graph)
    flush_weights(graph)
    return graph


def _drop_identities(graph: Graph) -> None:
    """Nodes that hand on what they get; at the network's outputs they stay, under one name."""
    kept, source = [], dict[str, str]()  # what is read in place of a tensor
    for node in graph.nodes:
        node.inputs = [source.get(name, name) for name in node.inputs]
        same = node.op in ("Identity", "Dropout") or (
            node.op in ("Cast", "CastLike")
            and graph.types[node.inputs[0]] == graph.types[node.outputs[0]]
        )
        if node.op == "Dropout" and len(node.inputs) > 1:
            same = False  # it drops: for training
        if not same or any(node.outputs[1:]):
            kept.append(node)
        elif node.outputs[0] in graph.outputs:
            node.op, node.inputs, node.attributes = "Identity", node.inputs[:1], {}
            kept.append(node)
        else:
            source[node.outputs[0]] = node.inputs[0]
    graph.nodes = kept


def _unify(graph: Graph) -> None:
    """One name for each way to say the same."""
    for node in graph.nodes:
        shape = graph.shapes.get(node.inputs[0], ()) if node.inputs else ()
        if node.op == "ReduceMean" and len(shape) > 2:
            if sorted(node.attributes["axes"]) == list(range(2, len(shape))):
                node.op, node.attributes = "GlobalAveragePool", {}
        elif node.op == "Sum" and len(node.inputs) == 2:
            node.op = "Add"
        elif node.op in ("Sum", "Mean", "Max", "Min") and len(node.inputs) == 1:
            node.op = "Identity"


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


def _spread_activations(graph: Graph) -> None:
    """The activation of a concatenation is that of its parts, where it can be fused.

    So is that of maps laid into one another.
    """
    used, readers, nodes = graph.uses(), graph.consumers(), []
    gone = set()
    for node in graph.nodes:
        joins = node.op in ("Concat", "Interleaved") and used[node.outputs[0]] == 1
        joined = node.outputs[0] if joins else ""
        follower = readers.get(joined, [None])[0]
        if follower is not None and activation(graph, follower) is not None:
            for place, name in enumerate(node.inputs):
                part = f"{name} for {follower.name}"
                graph.shapes[part], graph.types[part] = graph.shapes[name], graph.types[name]
                act = Node(
                    follower.op, f"{follower.name} of part {place}", [name, *follower.inputs[1:]],
                    [part], dict(follower.attributes),
                )  # fmt: skip
                nodes.append(act)
                node.inputs[place] = part
            node.outputs = follower.outputs
            gone.add(id(follower))
        nodes.append(node)
    graph.nodes = [node for node in nodes if id(node) not in gone]


def _fuse(graph: Graph) -> None:
    """Let convolutions and pools do the activation, convolutions also the addition behind them."""
    used, readers = graph.uses(), graph.consumers()
    gone = set()
    position = {id(node): place for place, node in enumerate(graph.nodes)}
    made = {name: position[id(node)] for node in graph.nodes for name in node.outputs}
    for node in graph.nodes:
        if node.op not in FUSING or id(node) in gone or any(node.outputs[1:]):
            continue
        while used[node.outputs[0]] == 1 and node.outputs[0] not in graph.outputs:
            follower = readers[node.outputs[0]][0]
            act = activation(graph, follower)
            before = "add" not in node.attributes
            if act is not None and ("act" if before else "act_after") not in node.attributes:
                node.attributes["act" if before else "act_after"] = act
            elif bias := _bias(graph, node, follower):
                node.inputs.append(bias)
            elif follower.op == "Add" and before and node.op == "Conv":
                other = next((n for n in follower.inputs if n != node.outputs[0]), None)
                alike = other is not None and graph.shapes[other] == graph.shapes[node.outputs[0]]
                late = other is None or made.get(other, -1) > position[id(node)]
                if other is None or not alike or other in graph.constants or late:
                    break
                node.attributes["add"] = other
                node.inputs = [*node.inputs, *[""] * (3 - len(node.inputs)), other]
            else:
                break
            node.outputs = follower.outputs
            made[node.outputs[0]] = position[id(node)]
            gone.add(id(follower))
    graph.nodes = [node for node in graph.nodes if id(node) not in gone]


def _bias(graph: Graph, node: Node, follower: Node) -> str:
    """The constant that a sum behind a product of matrices adds to each row; "" for others."""
    if node.op != "MatMul" or len(node.inputs) > 2 or "act" in node.attributes:
        return ""
    if follower.op != "Add" or len(follower.inputs) != 2:
        return ""
    other = next((name for name in follower.inputs if name != node.outputs[0]), "")
    shape, out = graph.shapes.get(other, ()), graph.shapes[node.outputs[0]]
    by_column = len(out) > 1 and shape[-1:] == out[-1:] and prod(shape) == out[-1]
    kept = graph.shapes[follower.outputs[0]] == out
    return other if other in graph.constants and by_column and kept else ""


def _fuse_gates(graph: Graph) -> None:
    """A product with a gate per channel, as in SE, moves into the pointwise convolution after."""
    makers, used = graph.producers(), graph.uses()
    for node in graph.nodes:
        gating = makers.get(node.inputs[0]) if node.op == "Conv" else None
        if gating is None or gating.op != "Mul" or used[node.inputs[0]] != 1:
            continue
        weight = graph.shapes[node.inputs[1]]
        strides = node.attributes.get("strides", [1])
        sides = [graph.shapes[name][2:] for name in (node.inputs[0], node.outputs[0])]
        if set(weight[2:]) != {1} or set(strides) != {1} or node.attributes.get("group", 1) != 1:
            continue
        if sides[0] != sides[1]:  # it has pads
            continue
        for x, gate in (gating.inputs, gating.inputs[::-1]):
            shape = graph.shapes[x]
            flat = (*shape[:2], *[1] * (len(shape) - 2))
            if graph.shapes[gate] == flat != shape:
                node.attributes["gate"] = gate
                node.inputs = [x, *node.inputs[1:], *[""] * (3 - len(node.inputs)), gate]
                break


def _drop_dead(graph: Graph) -> None:
    used, kept = set(graph.outputs), []
    for node in reversed(graph.nodes):
        if used & {name for name in node.outputs if name}:
            used |= set(node.inputs)
            kept.append(node)
    graph.nodes = kept[::-1]
