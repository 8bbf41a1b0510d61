from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, shape_inference
from tests.compiler.graphs import choosing, graph, planned, rearranged, shuffle_unit
from tests.compiler.mutations import damaged_bytes, damaged_fields

from martlet.compiler.codegen.emit import emit
from martlet.compiler.frontend import importer
from martlet.compiler.frontend.importer import load, read_model
from martlet.compiler.pipeline import program_of
from martlet.compiler.targets import target
from martlet.errors import MartletError

node = helper.make_node


def test_shapes_and_constants_are_known() -> None:
    known = read_model(shuffle_unit(), batch=2)
    assert known.inputs == ["x"]
    assert known.shapes["x"] == (2, 4, 8, 8)
    assert known.shapes["a"] == (2, 2, 4, 8, 8)
    assert known.shapes["y"] == (2, 3)
    assert {node.op for node in known.nodes}.isdisjoint({"Shape", "Slice", "Concat"})


def test_an_open_side_is_asked_for_and_given() -> None:
    model = graph("y = Relu (x)", (1, 3, "height", 8))
    with pytest.raises(MartletError, match=r"'x' leaves axis 2 \(height\) open"):
        read_model(model)
    assert read_model(model, shapes={"x": (1, 3, 5, 8)}).shapes["y"] == (1, 3, 5, 8)
    with pytest.raises(MartletError, match="'x' has 4 axes, not 2"):
        read_model(model, shapes={"x": (1, 3)})


def _with(change: Callable[[onnx.ModelProto], None]) -> onnx.ModelProto:
    model = shuffle_unit()
    change(model)
    return model


def _constant(model: onnx.ModelProto, name: str) -> TensorProto:
    return next(tensor for tensor in model.graph.initializer if tensor.name == name)


def _cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = "y"


def _deep(model: onnx.ModelProto, depth: int = 20) -> None:
    made = helper.make_empty_tensor_value_info("i")
    leaf = branch = helper.make_graph([node("Relu", ["x"], ["i"])], "g", [], [made])
    for _ in range(depth):
        inner = node("If", ["x"], ["i"], then_branch=branch, else_branch=leaf, name="choice")
        branch = helper.make_graph([inner], "g", [], [made])
    model.graph.node.append(branch.node[0])


def _loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([node("Relu", ["x"], ["i"])], "g", [], [])
    model.graph.node.append(node("Loop", ["", ""], ["i"], body=body, name="turns"))


def _branch(model: onnx.ModelProto, change: Callable[[onnx.NodeProto], None]) -> None:
    _deep(model, 1)
    change(model.graph.node[-1])


REFUSED: dict[str, tuple[Callable[[onnx.ModelProto], None], str]] = {
    "no node": (lambda m: m.graph.ClearField("node"), "holds no network"),
    "cycle": (_cycle, "reads 'y', which nothing before it makes"),
    "missing constant": (lambda m: m.graph.initializer.pop(0) and None, "reads 'w'"),
    "made twice": (
        lambda m: m.graph.node.append(m.graph.node[2]), "makes 'relu', which is there already",
    ),
    "constant twice": (
        lambda m: m.graph.initializer.append(m.graph.initializer[0]), "'w' is there twice",
    ),
    "negative side": (
        lambda m: _constant(m, "w").dims.__setitem__(0, -8), "impossible or too large size",
    ),
    "overflowing sides": (
        lambda m: _constant(m, "w").dims.extend([1 << 40, 1 << 40]), "impossible or too large",
    ),
    "too few values": (
        lambda m: _constant(m, "b").ClearField("raw_data"), "has 0 values where its size says 8",
    ),
    "too few bytes": (
        lambda m: setattr(_constant(m, "b"), "raw_data", b"1234567"), "7 bytes for 8 values",
    ),
    "unknown type": (lambda m: setattr(_constant(m, "b"), "data_type", 99), "unknown type 99"),
    "other domain": (
        lambda m: setattr(m.graph.node[0], "domain", "com.microsoft"),
        r"node 'conv' \(Conv\) is of the domain 'com.microsoft'",
    ),
    "microsoft's": (
        lambda m: setattr(m.graph.node[0], "domain", "com.microsoft.nchwc"),
        "optimised or quantised for itself; save it with graph_optimization_level = ORT_DISABLE",
    ),
    "subgraph": (_loop, r"node 'turns' \(Loop\) holds a network of its own.* onnxsim"),
    "deep": (_deep, r"node 'choice' \(If\) holds networks in networks; up to 8 are accepted"),
    "branch without output": (
        lambda m: _branch(m, lambda n: n.attribute[0].g.ClearField("output")),
        r"\(If\) is damaged: its branches do not make its outputs",
    ),
    "branch that is missing": (
        lambda m: _branch(m, lambda n: n.attribute.pop() and None),
        r"\(If\) is damaged: it has no condition or no two branches",
    ),
    "branch of nothing": (
        lambda m: _branch(m, lambda n: n.attribute[0].g.ClearField("node")),
        "nothing makes its output 'i'",
    ),
    "branch with its constant twice": (
        lambda m: _branch(m, lambda n: n.attribute[0].g.initializer.append(_constant(m, "w"))),
        "the constant 'w' is there twice",
    ),
    "choice at run time": (
        lambda m: _branch(m, lambda n: n.input.__setitem__(0, "x")),
        "which branch it takes is known at run time only",
    ),
    "sparse": (
        lambda m: m.graph.sparse_initializer.add() and None, "sparse constants.*save it with dense",
    ),
    "old operator set": (
        lambda m: setattr(m.opset_import[0], "version", 3),
        "uses operator set 3; accepted: .*; onnx.version_converter may rewrite",
    ),
    "new operator set": (
        lambda m: setattr(m.opset_import[0], "version", 999),
        "uses operator set 999; accepted: .*; a newer onnx may know it",
    ),
    "two operator sets": (
        lambda m: m.opset_import.append(helper.make_opsetid("ai.onnx", 13)),
        "uses operator set 13 and 17; accepted",
    ),
    "no operator set": (lambda m: m.ClearField("opset_import"), "operator set none"),
    "sequence": (
        lambda m: m.graph.input[0].type.sequence_type.elem_type.tensor_type.SetInParent(),
        "'x' is a sequence; accepted are tensors",
    ),
    "no output": (lambda m: m.graph.ClearField("output"), "no outputs"),
    "output of nobody": (
        lambda m: setattr(m.graph.output[0], "name", "nobody"), "nothing makes its output 'nobody'",
    ),
    "huge input": (
        lambda m: setattr(m.graph.input[0].type.tensor_type.shape.dim[2], "dim_value", 1 << 40),
        "impossible or too large",
    ),
    "weights of other channels": (
        lambda m: m.graph.node[0].attribute.append(helper.make_attribute("group", 4)),
        r"node 'conv' \(Conv\) cannot be compiled|not a valid network",
    ),
    "huge stride": (
        lambda m: m.graph.node[0].attribute.append(helper.make_attribute("strides", [1 << 40, 1])),
        "cannot be compiled|not a valid network",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", REFUSED)
def test_one_sentence_says_what_is_wrong(case: str) -> None:
    change, sentence = REFUSED[case]
    with pytest.raises(MartletError, match=sentence) as caught:
        read_model(_with(change))
    text = str(caught.value)
    assert text.endswith(".")
    assert "\n" not in text


def test_what_is_no_onnx_file(tmp_path: Path) -> None:
    path = tmp_path / "a.onnx"
    with pytest.raises(MartletError, match="does not exist"):
        read_model(load(path))
    path.write_bytes(b"\x12\xff\xff")
    with pytest.raises(MartletError, match=r"a\.onnx is no ONNX file, or is cut short"):
        read_model(load(path))
    path.write_bytes(b"")
    with pytest.raises(MartletError, match="no node"):
        read_model(load(path))


def test_networks_in_networks_a_thousand_deep(tmp_path: Path) -> None:
    content = b""
    for number in [6, 5, 1] * 1000:  # graph in attribute in node
        size, length = len(content), b""
        while size > 127:
            length += bytes([size % 128 + 128])
            size //= 128
        content = bytes([number * 8 + 2]) + length + bytes([size]) + content
    path = tmp_path / "deep.onnx"
    size = len(content)
    path.write_bytes(b"\x3a" + bytes([size % 128 + 128, size // 128]) + content)
    with pytest.raises(MartletError, match="is no ONNX file, or is cut short"):
        read_model(load(path))


def _all_stages(model: onnx.ModelProto) -> int:
    """1 when C comes out, 0 for an error of one sentence; nothing else may happen."""
    chosen = target("portable")
    try:
        return int(bool(emit(*program_of(read_model(model), chosen), chosen).source))
    except MartletError as error:
        return 10_000 if "\n" in str(error) else 0


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("make", "seeds"),
    [
        (shuffle_unit, range(450)),
        (rearranged, range(450)),
        (choosing, range(40)),
        pytest.param(choosing, range(40, 900), marks=pytest.mark.long),
    ],
)
def test_changed_fields_give_a_program_or_one_sentence(
    make: Callable[[], onnx.ModelProto], seeds: range
) -> None:
    model = make()
    accepted = sum(_all_stages(damaged_fields(model, seed)) for seed in seeds)
    assert len(seeds) / 20 < accepted < 10_000


def test_damaged_files_give_a_graph_or_one_sentence(tmp_path: Path) -> None:
    path, accepted = tmp_path / "network.onnx", 0
    contents = [shuffle_unit().SerializeToString(), rearranged().SerializeToString()]
    for seed in range(900):
        path.write_bytes(damaged_bytes(contents[seed % 2], seed))
        try:
            accepted += bool(read_model(load(path)).nodes)
        except MartletError as error:
            accepted += 10_000 * ("\n" in str(error))
    assert 50 < accepted < 10_000


def _said(model: onnx.ModelProto) -> str:
    with pytest.raises(MartletError) as caught:
        planned(model)
    return str(caught.value)


def test_a_sentence_holds_no_other_sentence() -> None:
    """Whichever stage finds what is wrong, the node is named once and one full stop is said."""
    pads = graph("p = Cast <to = 7> (x) y = Pad (x, p)", (2,))
    assert _said(pads).startswith("node 'y' (Pad) cannot be compiled: ")
    texts = [_said(_with(change)) for change, _ in REFUSED.values()]
    assert not [text for text in texts if text.count("cannot be compiled") > 1 or ".)" in text]


def test_an_operator_that_is_missing_is_named_with_the_others() -> None:
    same = "RandomNormalLike"
    said = _said(graph(f"a = {same} (x) b = {same} (a) y = Det (b)", (1, 3, 4, 4)))
    assert "node 'a' (RandomNormalLike) cannot be compiled: the operator is not supported" in said
    assert "nor are others of the network: Det (1); docs/compiling.md lists those that are" in said


def test_so_is_one_that_makes_whole_numbers() -> None:
    said = _said(graph("i = Cast <to = 6> (x) y = BitwiseNot (i)", (3,), "y:int32", opset=18))
    assert "node 'y' (BitwiseNot) cannot be compiled: the operator is not supported" in said


def _choices(count: int) -> onnx.ModelProto:
    """So many times: if the last side is 1 then Exp, else Neg; and the end is Abs."""
    model = graph(f"y = Abs (q{count})", (1, 3, 5), last=np.array(2), single=np.array(1))
    nodes = list[onnx.NodeProto]()
    for n in range(1, count + 1):
        x = f"q{n - 1}" if n > 1 else "x"
        made = helper.make_empty_tensor_value_info("z")
        branches = [
            helper.make_graph([node(op, [x], ["z"])], "branch", [], [made]) for op in ("Exp", "Neg")
        ]
        nodes += [
            node("Shape", [x], [f"s{n}"]),
            node("Gather", [f"s{n}", "last"], [f"d{n}"]),
            node("Equal", [f"d{n}", "single"], [f"one{n}"]),
            node("If", [f"one{n}"], [f"q{n}"], then_branch=branches[0], else_branch=branches[1]),
        ]
    nodes += model.graph.node
    del model.graph.node[:]
    model.graph.node.extend(nodes)
    return model


def _pools(count: int) -> onnx.ModelProto:
    """So many pools behind each other that round up, to a window that does not count."""
    pool = "MaxPool <ceil_mode = 1, kernel_shape = [2], strides = [2], pads = [1, 1]>"
    names = ["x", *(f"p{n}" for n in range(1, count)), "y"]
    nodes = (f"{names[n + 1]} = {pool} ({names[n]})" for n in range(count))
    return graph(" ".join(nodes), (1, 3, 1))


def _divided(count: int) -> onnx.ModelProto:
    """So many times a shape that onnx's inference cannot follow: it is computed in between."""
    names = ["x", *(f"r{n}" for n in range(1, count)), "y"]
    nodes = (
        f"s{n} = Shape ({names[n]}) d{n} = Mod (s{n}, large) {names[n + 1]} = Reshape "
        f"({names[n]}, d{n})"
        for n in range(count)
    )
    return graph(" ".join(nodes), (1, 3, 9), large=[100])


@pytest.mark.parametrize("make", [_choices, _pools, _divided])
def test_shapes_are_inferred_a_part_at_a_time(
    make: Callable[[int], onnx.ModelProto], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice as many nodes are twice the work, and not four times."""
    inferred, infer = list[int](), shape_inference.infer_shapes

    def count(model: onnx.ModelProto, **options: bool) -> onnx.ModelProto:
        inferred.append(len(model.graph.node))
        return infer(model, **options)

    monkeypatch.setattr(shape_inference, "infer_shapes", count)
    monkeypatch.setattr(importer, "MOST_AT_ONCE", 10)
    work = []
    for size in (40, 80):
        inferred.clear()
        known = read_model(make(size))
        assert known.shapes["y"] == known.shapes["x"]
        work.append(sum(inferred))
    assert work[1] < 2.2 * work[0]


def _ranged() -> onnx.ModelProto:
    """With a range whose length is a list of one, which onnx's inference does not accept."""
    nodes = "s = Shape (x) d = Gather (s, last) r = Range (zero, d, one) f = Cast <to = 1> (r)"
    values = {"last": [2], "zero": np.array(0), "one": np.array(1)}
    return graph(f"{nodes} y = Mul (x, f)", (1, 3, 5), **values)


@pytest.mark.parametrize("make", [shuffle_unit, rearranged, _ranged])
def test_the_size_of_the_parts_does_not_matter(
    make: Callable[[], onnx.ModelProto], monkeypatch: pytest.MonkeyPatch
) -> None:
    known = read_model(make())
    monkeypatch.setattr(importer, "MOST_AT_ONCE", 1)
    one_by_one = read_model(make())
    assert repr(one_by_one.nodes) == repr(known.nodes)
    assert one_by_one.shapes == known.shapes
    assert one_by_one.constants.keys() == known.constants.keys()


@pytest.mark.parametrize("op", ["Conv", "ConvTranspose"])
def test_weights_with_too_few_axes(op: str) -> None:
    """Some versions of onnx end the process for them."""
    with pytest.raises(MartletError, match=rf"node 'y' \({op}\) cannot be compiled: its weights"):
        read_model(graph(f"y = {op} (x, w)", (1, 3, 8, 8), w=(8,)))
