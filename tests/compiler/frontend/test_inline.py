from collections.abc import Callable, Iterator, Sequence

import numpy as np
import onnx
import pytest
from onnx import helper
from tests.compiler.graphs import close, graph, random, run

from martlet.compiler.frontend import check_model, inline
from martlet.compiler.frontend.importer import read_model
from martlet.compiler.frontend.inline import inlined
from martlet.compiler.frontend.subgraphs import inside
from martlet.errors import MartletError

node = helper.make_node
OWN = "pkg.own"


def function(name: str, nodes: list[onnx.NodeProto], **more: list[str]) -> onnx.FunctionProto:
    """Of `a` to `z`, in the domain of the model's own."""
    sets = [helper.make_opsetid("", 17), helper.make_opsetid(OWN, 1)]
    return helper.make_function(OWN, name, ["a"], ["z"], nodes, sets, **more)


def with_functions(*functions: onnx.FunctionProto) -> onnx.ModelProto:
    """y = first(x w), with a constant that is called as a tensor of the functions is."""
    model = graph("b = Relu (x) y = Conv (b, w)", (1, 3, 5, 5), w=(3, 3, 1, 1))
    model.graph.node[0].op_type, model.graph.node[0].domain = functions[0].name, OWN
    model.opset_import.append(helper.make_opsetid(OWN, 1))
    model.functions.extend(functions)
    return model


def test_a_function_in_a_function_is_inlined() -> None:
    square = function("square", [node("Mul", ["a", "a"], ["z"])])
    twice = [node("square", ["a"], ["b"], domain=OWN), node("Add", ["b", "a"], ["z"])]
    model = with_functions(function("both", twice), square)
    assert not inlined(model, "net").functions
    assert len(model.functions) == 2  # a copy was changed
    x, weight = random(1, 1, 3, 5, 5), onnx.numpy_helper.to_array(model.graph.initializer[0])
    expected = np.einsum("oi,nihw->nohw", weight[:, :, 0, 0], x * x + x)
    close(run(model, {"x": x})[0], expected)


def test_a_model_without_functions_is_left_alone() -> None:
    model = graph("y = Relu (x)", (1, 3))
    assert inlined(model, "net") is model


def _endless() -> onnx.ModelProto:
    calls = [node("other", ["a"], ["z"], domain=OWN)], [node("first", ["a"], ["z"], domain=OWN)]
    return with_functions(function("first", calls[0]), function("other", calls[1]))


def _doubling() -> onnx.ModelProto:
    """Each of 40 functions calls the next one twice."""
    made = []
    for n in range(40):
        calls = [node(f"f{n + 1}", [x], [y], domain=OWN) for x, y in (("a", "b"), ("b", "z"))]
        made.append(function(f"f{n}", calls))
    return with_functions(*made, function("f40", [node("Relu", ["a"], ["z"])]))


def _large() -> onnx.ModelProto:
    constant = node("Constant", [], ["b"], value=onnx.TensorProto(data_type=1, dims=[1 << 40]))
    return with_functions(function("first", [constant, node("Add", ["a", "b"], ["z"])]))


@pytest.mark.parametrize(
    ("make", "sentence"),
    [
        (_endless, "its function '(first|other)' calls itself"),
        (_doubling, "its functions become more than 100000 nodes"),
        (_large, "Constant of 'first': its constant 'value' has the impossible or too large size"),
    ],
)
def test_what_would_not_end_is_one_sentence(
    make: Callable[[], onnx.ModelProto], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        read_model(make())


def _wide(called: int) -> onnx.ModelProto:
    """One function that calls so many others, one behind the other."""
    names = ["a", *(f"t{n}" for n in range(1, called)), "z"]
    calls = [node(f"f{n}", [names[n]], [names[n + 1]], domain=OWN) for n in range(called)]
    relus = (function(f"f{n}", [node("Relu", ["a"], ["z"])]) for n in range(called))
    return with_functions(function("all", calls), *relus)


def test_each_function_is_walked_a_few_times_however_many_it_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    walked = list[int]()

    def count(nodes: Sequence[onnx.NodeProto]) -> Iterator[onnx.GraphProto]:
        walked.append(len(nodes))
        return inside(nodes)

    monkeypatch.setattr(inline, "inside", count)
    assert len(inlined(_wide(200), "net").graph.node) == 201
    assert sum(walked) < 4 * 402  # nodes, those of the functions among them


def test_nodes_of_functions_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(check_model, "MOST_NODES", 20)
    model = graph("y = Relu (x)", (1, 3))
    model.functions.extend(_wide(10).functions)
    with pytest.raises(MartletError, match=r"net has 21 nodes; accepted: up to 20\."):
        read_model(model, name="net")
