import numpy as np
import onnx
import pytest
from onnx.reference import ReferenceEvaluator
from tests.compiler.graphs import agree, close, graph, planned, random, run

from martlet.compiler.codegen.emit import emit
from martlet.compiler.frontend.importer import read_model
from martlet.compiler.passes.split_batch import split_batch
from martlet.compiler.targets import target


def text(model: onnx.ModelProto, batch: int, threads: int = 1) -> str:
    chosen = target("x86-64-v3")
    return emit(*planned(model, chosen.name, threads, batch), chosen).source


@pytest.mark.parametrize("threads", [1, 2])
def test_text_does_not_grow_with_the_batch(threads: int) -> None:
    nodes = "c = Conv <pads = [1, 1, 1, 1]> (x, w) r = Relu (c) g = GlobalAveragePool (r)"
    nodes += "f = Flatten (g) y = Gemm (f, k)"
    model = graph(nodes, ("batch", 3, 12, 12), w=(8, 3, 3, 3), k=(8, 5))
    one, many = (text(model, batch, threads) for batch in (1, 256))
    assert len(many) < len(one) + 400
    assert "for (int picture = 0; picture < 256; picture++) {" in many
    assert "input0 += 432;" in many
    assert "output0 += 5;" in many


APART = {
    "maps": """c = Conv (x, w) b = BatchNormalization (c, a, a, a, v) p = MaxPool <kernel_shape =
        [2, 2]> (b) i = InstanceNormalization (p, a, a) y = GlobalMaxPool (i)""",
    "values": """h = Neg (x) s = Mul (h, channel) t = Add (s, one) d = Dropout (t)
        u = Max (d, x, one) y = Exp (u)""",
    "axes": """s = Softmax <axis = 1> (x) l, r = Split <axis = 1, num_outputs = 2> (s)
        c = Concat <axis = -1> (r, l) m = ReduceMean (c, two) y = ReduceMax (m, last)""",
    "shapes": """f = Flatten (x) r = Reshape (f, four) t = Transpose <perm = [0, 3, 1, 2]> (r)
        s = Slice (t, ones, large, both) p = Pad (s, pads) y = Tile (p, twice)""",
    "products": """f = Flatten (x) g = Gemm (f, k, q) r = Relu (g) m = MatMul (r, n)
        u = Reshape (m, three) t = Transpose <perm = [0, 2, 1]> (u) y = MatMul (u, t)""",
    "norms": "h = Reshape (x, flat) n1 = LayerNormalization <axis = 1> (h, scale) y = Abs (n1)",
}
VALUES = {
    "w": (4, 4, 3, 3), "a": (4,), "v": np.float32([1, 2, 3, 4]), "channel": random(1, 4, 1, 1),
    "one": 1.0, "two": [2], "last": [-1], "four": [7, 6, 6, 4], "ones": [1, 0], "large": [9, 9],
    "both": [2, 3], "pads": [0, 1, 0, 0, 0, 0, 2, 0], "twice": [1, 2, 1, 1], "k": (144, 6),
    "q": (1, 6), "n": (6, 6), "three": [7, 2, 3],
    "flat": [7, 4, 36], "scale": random(3, 1, 4, 36),
}  # fmt: skip


@pytest.mark.parametrize("case", APART)
def test_pictures_that_are_apart_are_run_one_by_one(case: str) -> None:
    model = graph(APART[case], (7, 4, 6, 6), opset=18, **VALUES)
    known = read_model(model)
    assert split_batch(known) == 7
    assert known.shapes["x"] == (1, 4, 6, 6)
    agree(model, targets=["native", "portable"])


def test_threads_share_each_picture() -> None:
    agree(graph(APART["maps"], (7, 4, 6, 6), **VALUES), threads=(1, 2))


TOGETHER = {
    "a mean over the batch": "m = ReduceMean <axes = [0]> (x) y = Sub (x, m)",
    "softmax over the batch": "y = Softmax <axis = 0> (x)",
    "values of each picture": "y = Mul (x, each)",
    "another order of the pictures": "y = Slice (x, last, first, zero, back)",
    "axes that change places": "y = Transpose <perm = [1, 0, 2]> (x)",
    "each with all others": "t = Transpose <perm = [0, 2, 1]> (x) f = Reshape (t, flat) "
    "g = Transpose <perm = [1, 0]> (f) y = MatMul (f, g)",
    "a tensor of fewer axes": "m = ReduceMean <axes = [1, 2], keepdims = 0> (x) y = Add (x, m)",
    "pictures joined": "y = Concat <axis = 0> (x, x)",
    "a norm of each picture's own": "y = LayerNormalization <axis = 1> (x, scale)",
    "a constant": "n = Neg (x) y = Expand (each, sides)",
}


@pytest.mark.parametrize("case", TOGETHER)
def test_pictures_that_are_not_apart_stay_together(case: str) -> None:
    values = {
        "each": random(2, 7, 1, 1),
        "zero": [0],
        "flat": [7, 49],
        "sides": [7, 7, 7],
        "scale": random(4, 7, 1, 7),
    }
    values |= {"last": [6], "first": [-99], "back": [-1]}
    model = graph(TOGETHER[case], (7, 7, 7), **values)
    known = read_model(model)
    assert split_batch(known) == 1
    assert known.shapes["x"] == (7, 7, 7)
    x = random(0, 7, 7, 7)  # ONNX Runtime 1.21 gets such a norm wrong
    close(run(model, {"x": x}), ReferenceEvaluator(model).run(None, {"x": x}))


def test_a_small_batch_stays_as_it_is() -> None:
    assert split_batch(read_model(graph("y = Relu (x)", (4, 3)))) == 1
    assert split_batch(read_model(graph("y = Relu (x)", (5, 3)))) == 5
