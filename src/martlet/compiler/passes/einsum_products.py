"""Einsum of two tensors as a product of matrices, which has fast tiles."""

from math import prod

import numpy as np

from martlet.compiler.ir.graph import Graph, Node, Shape

Letters = list[str]


def einsum_products(graph: Graph) -> None:
    """Rewrite in place what is a stack of products of matrices, up to the order of axes."""
    nodes = list[Node]()
    for node in graph.nodes:
        made = _rewritten(graph, node) if node.op == "Einsum" and len(node.inputs) == 2 else None
        nodes += [node] if made is None else made
    graph.nodes = nodes


def _rewritten(graph: Graph, node: Node) -> list[Node] | None:
    """Transpose, MatMul and Reshape in its place; None where it is none, such as a diagonal."""
    terms, result = node.attributes["terms"], node.attributes["result"]
    shapes = [graph.shapes[name] for name in node.inputs]
    sides: dict[str, int] = {}
    for term, shape in zip(terms, shapes, strict=True):
        for letter, side in zip(term, shape, strict=True):
            if sides.setdefault(letter, side) != side:
                return None  # broadcast
    a, b = terms
    if len({*a}) != len(a) or len({*b}) != len(b):
        return None
    batch = [letter for letter in a if letter in b and letter in result]
    inner = [letter for letter in a if letter in b and letter not in result]
    left = [letter for letter in a if letter not in b]
    right = [letter for letter in b if letter not in a]
    if not inner or not {*left, *right} <= {*result}:
        return None
    nodes = list[Node]()

    def shaped(name: str, word: str, before: Letters, groups: list[Letters]) -> str:
        """The tensor with its axes in the order of the groups, each group one axis."""
        letters = [letter for group in groups for letter in group]
        order = [before.index(letter) for letter in letters]
        shape = tuple(prod(sides[letter] for letter in group) for group in groups)
        name = _transposed(graph, nodes, node, name, word, order)
        return _reshaped(graph, nodes, node, name, word, shape)

    singles = [[letter] for letter in batch]
    x = shaped(node.inputs[0], "left", a, [*singles, left, inner])
    y = shaped(node.inputs[1], "right", b, [*singles, inner, right])
    stack = tuple(sides[letter] for letter in batch)
    product = f"{node.name} product"
    _note(graph, product, (*stack, graph.shapes[x][-2], graph.shapes[y][-1]), node)
    nodes.append(Node("MatMul", node.name, [x, y], [product]))
    made = [*batch, *left, *right]
    order = [made.index(letter) for letter in result]
    name = _reshaped(graph, nodes, node, product, "result", tuple(sides[one] for one in made))
    name = _transposed(graph, nodes, node, name, "result", order)
    nodes[-1].outputs = node.outputs
    return nodes


def _transposed(
    graph: Graph, nodes: list[Node], node: Node, name: str, word: str, order: list[int]
) -> str:
    if order == sorted(order):
        return name
    made = f"{node.name} {word} transposed"
    if name in graph.constants:
        graph.constants[made] = np.ascontiguousarray(graph.constants[name].transpose(order))
    else:
        nodes.append(Node("Transpose", made, [name], [made], {"perm": order}))
    _note(graph, made, tuple(graph.shapes[name][axis] for axis in order), node)
    return made


def _reshaped(
    graph: Graph, nodes: list[Node], node: Node, name: str, word: str, shape: Shape
) -> str:
    if graph.shapes[name] == shape:
        return name
    made = f"{node.name} {word} reshaped"
    if name in graph.constants:
        graph.constants[made] = graph.constants[name].reshape(shape)
    else:
        nodes.append(Node("Reshape", made, [name], [made]))
    _note(graph, made, shape, node)
    return made


def _note(graph: Graph, name: str, shape: Shape, node: Node) -> None:
    graph.shapes[name], graph.types[name] = shape, graph.types[node.outputs[0]]
