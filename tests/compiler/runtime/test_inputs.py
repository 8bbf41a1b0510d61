from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from tests.compiler.graphs import Array, Pair, by_onnx_runtime, close, graph, random, save

from martlet.compiler import CompiledNetwork, compile_onnx
from martlet.errors import MartletError


def test_a_batch_runs_piece_by_piece(tiny: Path, folder: Path) -> None:
    x = random(2, 5, 3, 20, 24)
    (expected,) = by_onnx_runtime(tiny, x)
    net = CompiledNetwork(folder)
    close(net(x), expected)
    close(net(x[::-1].astype(np.float64)), expected[::-1])  # other strides, other type


@pytest.mark.parametrize(
    ("shapes", "sentence"),
    [
        ([(1, 3, 20, 25)], r"'x' has shape \(1, 3, 20, 25\); accepted: \(1, 3, 20, 24\)"),
        ([(3, 20, 24)], "accepted"),
        ([(0, 3, 20, 24)], "accepted"),
        ([], "takes 1 inputs, not 0"),
        ([(1, 3, 20, 24)] * 2, "takes 1 inputs, not 2"),
    ],
)
def test_another_input_is_one_sentence(
    folder: Path, shapes: list[tuple[int, ...]], sentence: str
) -> None:
    with pytest.raises(MartletError, match=sentence):
        CompiledNetwork(folder)(*(np.zeros(shape, np.float32) for shape in shapes))


def as_torch(x: Array) -> object:
    return pytest.importorskip("torch").from_numpy(x)


def unaligned(x: Array) -> Array:
    return np.frombuffer(b"." + x.tobytes(), np.float32, offset=1).reshape(x.shape)


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.astype(np.float64),
        lambda x: x.astype(">f4"),
        lambda x: x.tolist(),
        lambda x: np.asfortranarray(x),
        lambda x: np.stack([x, x], -1)[..., 0],
        lambda x: x[..., ::-1].copy()[..., ::-1],
        unaligned,
        as_torch,
    ],
    ids=["float64", "big-endian", "list", "fortran", "strided", "reversed", "unaligned", "torch"],
)
def test_numbers_of_other_kinds_are_converted(
    folder: Path, pair: Pair, change: Callable[[Array], object]
) -> None:
    net = CompiledNetwork(folder)
    np.testing.assert_array_equal(net(change(pair[0])), net(pair[0]))


@pytest.mark.parametrize("kind", [np.int8, np.uint8, np.int64, np.bool_, np.float16])
def test_whole_and_small_numbers(folder: Path, kind: type) -> None:
    x = np.random.default_rng(0).integers(0, 2, (1, 3, 20, 24))
    net = CompiledNetwork(folder)
    np.testing.assert_array_equal(net(x.astype(kind)), net(x.astype(np.float32)))


def test_values_that_are_no_numbers_or_too_large(folder: Path) -> None:
    net = CompiledNetwork(folder)
    wide = np.random.default_rng(0).standard_normal((1, 3, 20, 24))
    for value, small in ((np.nan, np.nan), (1e300, np.inf), (-1e300, -np.inf), (1e-300, 0)):
        wide[0, 0, 3, 3] = 0
        x = wide.astype(np.float32)
        wide[0, 0, 3, 3], x[0, 0, 3, 3] = value, small
        np.testing.assert_array_equal(net(wide), net(x))


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("x", r"the input 'x' is a str of type <U1; accepted: numbers of shape \(1, 3, 20, 24\)"),
        (None, "is a NoneType of type object"),
        ({"x": 1}, "is a dict of type object"),
        ([[1], [1, 2]], "is a list .*inhomogeneous"),
        (np.zeros((1, 3, 20, 24), complex), "is a ndarray of type complex128"),
        (np.zeros((1, 3, 20, 24), object), "is a ndarray of type object"),
        (np.zeros((1, 3, 20, 24), "M8[s]"), "is a ndarray of type datetime64"),
        (1.5, r"has shape \(\); accepted"),
        (np.zeros(1440), r"has shape \(1440,\); accepted"),
    ],
)
def test_what_holds_no_numbers_is_one_sentence(folder: Path, given: object, sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        CompiledNetwork(folder)(given)


def test_a_tensor_with_a_gradient_is_one_sentence(folder: Path) -> None:
    torch = pytest.importorskip("torch")
    with pytest.raises(MartletError, match=r"is a Tensor \(Can't call numpy.*detach"):
        CompiledNetwork(folder)(torch.zeros(1, 3, 20, 24, requires_grad=True))


def of_bytes(folder: Path) -> CompiledNetwork:
    """Pictures in, the largest channel of each place out."""
    nodes = """
        a = Cast <to = 1> (x)
        b = Transpose <perm = [0, 3, 1, 2]> (a)
        c = Conv (b, w)
        y = ArgMax <axis = 1, keepdims = 0> (c)"""
    model = graph(nodes, {"x:uint8": ("N", 6, 7, 3)}, "y:int64", w=(5, 3, 1, 1))
    return compile_onnx(save(model, folder), folder / "out")


def test_numbers_of_other_types_than_float(tmp_path: Path) -> None:
    net = of_bytes(tmp_path)
    assert net.description.types == {"x": "uint8", "y": "int64"}
    x = np.random.default_rng(0).integers(0, 256, (3, 6, 7, 3), np.uint8)
    (expected,) = by_onnx_runtime(tmp_path / "net.onnx", x)
    assert net(x).dtype == np.int64
    np.testing.assert_array_equal(net(x), expected)
    np.testing.assert_array_equal(net(x[:1].astype(np.float64)), expected[:1])
    np.testing.assert_array_equal(CompiledNetwork(net.folder)(x[2:].tolist()), expected[2:])


@pytest.mark.parametrize("value", [-1, 256, 0.5, np.nan])
def test_numbers_that_a_type_does_not_hold_are_one_sentence(tmp_path: Path, value: float) -> None:
    x = np.zeros((1, 6, 7, 3))
    x[0, 1, 2, 0] = value
    with pytest.raises(MartletError, match="the input 'x' is uint8, which does not hold all of"):
        of_bytes(tmp_path)(x)


def test_several_inputs_and_outputs(tmp_path: Path) -> None:
    both = {"a": ("N", 4, 3, 5), "b": ("N", 4, 3, 5)}
    model = graph("sum = Add (a, b) product = Mul (a, b)", both, "sum product")
    net = compile_onnx(save(model, tmp_path), tmp_path / "out")
    a, b = np.random.default_rng(0).standard_normal((2, 3, 4, 3, 5)).astype(np.float32)
    found = net(a, b)
    assert isinstance(found, tuple)
    np.testing.assert_array_equal(found[0], a + b)
    np.testing.assert_array_equal(found[1], a * b)
    with pytest.raises(MartletError, match="not accepted together"):
        net(a, b[:2])


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_nothing_and_what_is_handed_through(tmp_path: Path, kind: type) -> None:
    for side in (0, 2):
        path = save(graph("y = Relu (x)", (side, 3), "x y"), tmp_path)
        net = compile_onnx(path, tmp_path / "out", target="portable")
        x = np.arange(side * 3).reshape(side, 3).astype(kind) - 2
        through, positive = net(x)
        np.testing.assert_array_equal(through, x)
        np.testing.assert_array_equal(positive, np.maximum(x, 0))
