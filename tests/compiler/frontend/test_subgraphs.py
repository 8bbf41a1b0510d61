import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from tests.compiler.graphs import agree, close, graph, random, run

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.frontend.subgraphs import in_order, reads
from martlet.errors import MartletError

node = helper.make_node


def squeezed(sides: tuple[int, ...], inner: str = "t") -> onnx.ModelProto:
    """As PyTorch writes squeeze: if the last side is 1, it goes; then Neg, in the other way Exp."""
    model = graph(
        "r = Relu (x) s = Shape (r) d = Gather (s, last) one = Equal (d, single) y = Abs (q)",
        sides, last=np.array(3), single=np.array(1),
    )  # fmt: skip
    made = helper.make_empty_tensor_value_info("z")
    three = helper.make_tensor("axis", TensorProto.INT64, [1], [3])
    then = [node("Squeeze", ["r", "axis"], [inner]), node("Neg", [inner], ["z"])]
    branches = {
        "then_branch": helper.make_graph(then, "then", [], [made], [three]),
        "else_branch": helper.make_graph([node("Exp", ["r"], ["z"])], "else", [], [made]),
    }
    model.graph.node.insert(4, node("If", ["one"], ["q"], **branches))
    return model


@pytest.mark.parametrize("inner", ["t", "y", "q"])
def test_the_branch_that_follows_from_shapes_is_taken(inner: str) -> None:
    x = random(1, 1, 4, 6, 1)
    known = read_model(squeezed(x.shape, inner))
    assert known.shapes["y"] == (1, 4, 6)
    assert [each.op for each in known.nodes if each.op != "Identity"] == [
        *("Relu", "Squeeze", "Neg", "Abs")
    ]
    close(run(squeezed(x.shape, inner), {"x": x})[0], np.maximum(x, 0)[..., 0])
    wide = random(2, 1, 4, 6, 5)
    close(run(squeezed(wide.shape), {"x": wide})[0], np.exp(np.maximum(wide, 0)))


def test_a_choice_in_a_choice() -> None:
    model = squeezed((1, 4, 6, 1))
    outer = squeezed((1, 4, 6, 1)).graph.node[4]
    branch = next(item.g for item in outer.attribute if item.name == "then_branch")
    choice = model.graph.node[4]
    choice.output[0] = "inside"
    del branch.node[:], branch.initializer[:]
    branch.node.extend([choice, node("Mul", ["inside", "inside"], ["z"])])
    model.graph.node.insert(5, outer)
    model.graph.node.remove(model.graph.node[4])
    x = random(1, 1, 4, 6, 1)
    close(run(model, {"x": x})[0], np.maximum(x, 0)[..., 0] ** 2)


def test_a_choice_at_run_time_is_one_sentence() -> None:
    model = squeezed((1, 4, 6, 5))
    model.graph.node[2].CopyFrom(node("ReduceMax", ["r"], ["d"], keepdims=0))
    model.graph.node[3].CopyFrom(node("Greater", ["d", "d"], ["one"]))
    with pytest.raises(MartletError, match="which branch it takes is known at run time only"):
        read_model(model)


def test_nodes_in_any_order() -> None:
    nodes = "c = Conv (x, w) r = Relu (c) s = Neg (r) y = Add (s, c)"
    model = graph(nodes, (1, 3, 5, 5), w=(3, 3, 1, 1))
    names = [each.op_type for each in model.graph.node]
    assert [each.op_type for each in in_order(model.graph)] == names
    shuffled = onnx.ModelProto()
    shuffled.CopyFrom(model)
    del shuffled.graph.node[:]
    shuffled.graph.node.extend(model.graph.node[at] for at in (3, 1, 0, 2))
    assert [each.op_type for each in in_order(shuffled.graph)] == names
    assert [each.op for each in read_model(shuffled).nodes] == names
    agree(shuffled)


def test_what_a_branch_reads_counts_for_the_order() -> None:
    model = squeezed((1, 4, 6, 1))
    choice = model.graph.node[4]
    assert reads(choice) == {"one", "r"}
    nodes = list(model.graph.node)[::-1]
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    assert read_model(model).shapes["y"] == (1, 4, 6)


def test_nodes_in_a_circle_are_refused() -> None:
    model = graph("a = Relu (x) b = Add (a, c) c = Neg (b) y = Abs (c)", (1, 3))
    with pytest.raises(MartletError, match=r"node 'b' \(Add\) reads 'c', which nothing before it"):
        read_model(model)
