import numpy as np
import onnx
from onnx import helper
from tests.compiler.networks import error, network, random

from martlet.compiler.frontend.importer import read_model
from martlet.compiler.ir.graph import Graph, Node
from martlet.compiler.ir.tensor_view import Buffer, Maps, maps_in
from martlet.compiler.kernels.copy import Copy
from martlet.compiler.lowering.lower import lower
from martlet.compiler.lowering.views import by_channel, view_of
from martlet.compiler.passes.fuse import simplify
from martlet.compiler.targets import target

node = helper.make_node


def blocked(channels: int, *spatial: int) -> Maps:
    """A picture in blocks of four floats."""
    buffer = Buffer(-(-channels // 4), spatial, 4)
    return maps_in(buffer, range(channels), (1, channels))


def in_rows(*shape: int) -> Maps:
    return maps_in(Buffer(1, shape, 1), [0], ())


def renamed(op: str, x: Maps, shape: tuple[int, ...], **attributes: object) -> Maps | None:
    """One node's output."""
    graph = Graph("g", [], [], [], {}, {"x": x.shape, "y": shape}, {})
    made = view_of(graph, Node(op, op, ["x"], ["y"], dict(attributes)), {"x": x})
    return None if made is None else made["y"]


def copies(model: onnx.ModelProto) -> int:
    """Copies in a network, but for those to its outputs."""
    layers = lower(simplify(read_model(model)), target("wasm32")).layers
    return sum(isinstance(x, Copy) and not x.writes[0].outside for x in layers)


def test_a_shuffle_is_a_permutation_of_names() -> None:
    x = blocked(6, 5, 5)
    grouped = renamed("Reshape", x, (1, 2, 3, 5, 5))
    assert grouped is not None
    turned = renamed("Transpose", grouped, (1, 3, 2, 5, 5), perm=[0, 2, 1, 3, 4])
    assert turned is not None
    shuffled = renamed("Reshape", turned, (1, 6, 5, 5))
    assert shuffled is not None
    assert [slot for _, slot, _ in shuffled.channels()] == [0, 3, 1, 4, 2, 5]
    assert shuffled.spatial == (5, 5)


def test_rows_take_any_shape_without_a_move() -> None:
    x = in_rows(2, 6, 5)
    shaped = renamed("Reshape", x, (3, 20))
    assert shaped is not None
    assert shaped.shape == (3, 20)
    assert shaped.channels() == x.channels()


def test_maps_are_cut_and_joined_again() -> None:
    x = blocked(6, 3, 5)
    thin = by_channel(x, 3)
    assert thin is not None
    assert (thin.axes, thin.spatial) == ((1, 6, 3), (5,))
    assert [place for _, _, place in thin.channels()][:4] == [0, 5, 10, 0]
    whole = by_channel(thin, 2)
    assert whole is not None
    assert np.array_equal(whole.where, x.where)
    assert by_channel(x, 1) is None  # channels in lanes do not lie one behind the other
    rows = by_channel(in_rows(2, 3, 4), 2)
    assert rows is not None
    joined = by_channel(rows, 0)
    assert joined is not None
    assert joined.shape == (2, 3, 4)


def test_what_takes_maps_apart_is_left_to_others() -> None:
    assert renamed("Transpose", in_rows(4, 5), (5, 4)) is None
    assert renamed("Relu", in_rows(4, 5), (4, 5)) is None


def test_a_map_that_is_flattened_keeps_its_places_as_names() -> None:
    x = blocked(2, 2, 2)
    flat = renamed("Flatten", x, (1, 8))
    assert flat is not None
    found = [(slot, place) for _, slot, place in flat.channels()]
    assert found == [(c, p) for c in range(2) for p in range(4)]


def test_channels_that_are_there_twice_are_kept_apart() -> None:
    """A tensor joined with itself is added to, and goes through a depthwise convolution."""
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Concat", ["a", "a"], ["b"], axis=1),
        node("Conv", ["b", "v"], ["c"], group=12),
        node("Conv", ["c", "u"], ["d"]),
        node("Add", ["d", "b"], ["e"]),
        node("Gather", ["e", "twice"], ["f"], axis=1),
        node("Add", ["f", "f"], ["g"]),
        node("Mul", ["g", "b"], ["y"]),
    ]
    constants = {
        "w": random(1, 6, 3, 1, 1), "v": random(2, 12, 1, 1, 1), "u": random(3, 12, 12, 1, 1),
        "twice": np.array([0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5]),
    }  # fmt: skip
    model = network(nodes, {"x": [1, 3, 4, 4]}, {"y": None}, constants)
    assert error(model, random(0, 1, 3, 4, 4)) < 1e-5


def test_inputs_and_maps_may_be_joined() -> None:
    """Parts that lie in different arrays, and in blocks and in rows."""
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Concat", ["x", "z", "a"], ["b"], axis=1),
        node("Conv", ["b", "v"], ["c"], pads=[1, 1, 1, 1]),
        node("Concat", ["x", "z"], ["d"], axis=-3),
        node("Conv", ["d", "u"], ["e"]),
        node("Add", ["c", "e"], ["y"]),
    ]
    constants = {
        "w": random(1, 6, 3, 1, 1), "v": random(2, 5, 11, 3, 3), "u": random(3, 5, 5, 1, 1),
    }  # fmt: skip
    model = network(nodes, {"x": [1, 3, 4, 4], "z": [1, 2, 4, 4]}, {"y": None}, constants)
    assert error(model, random(0, 1, 3, 4, 4), random(1, 1, 2, 4, 4)) < 1e-5


def test_thin_maps_of_large_ones_do_not_run_row_by_row_with_them() -> None:
    """A convolution reads pieces of maps that another has just made, large enough for a band."""
    nodes = [
        node("Conv", ["x", "w"], ["a"], pads=[1, 1, 1, 1]),
        node("Reshape", ["a", "shape"], ["b"]),
        node("Conv", ["b", "v"], ["y"], pads=[1, 1, 1, 1]),
    ]
    constants = {
        "w": random(1, 16, 3, 3, 3), "v": random(2, 4, 32, 3, 3),
        "shape": np.array([1, 32, 48, 96]),
    }  # fmt: skip
    model = network(nodes, {"x": [1, 3, 96, 96]}, {"y": None}, constants)
    assert error(model, random(0, 1, 3, 96, 96)) < 1e-5


def test_split_slice_and_squeeze_move_nothing() -> None:
    nodes = [
        node("Conv", ["x", "w"], ["a"]),
        node("Split", ["a", "parts"], ["b", "c"], axis=1),
        node("Slice", ["b", "starts", "ends", "axes", "steps"], ["d"]),
        node("Conv", ["d", "v"], ["e"]),
        node("Conv", ["c", "u"], ["f"]),
        node("Add", ["e", "f"], ["g"]),
        node("GlobalAveragePool", ["g"], ["h"]),
        node("Squeeze", ["h", "spatial"], ["i"]),
        node("Gemm", ["i", "k"], ["y"]),
    ]
    constants = {
        "w": random(1, 12, 3, 1, 1), "parts": np.array([8, 4]), "starts": np.array([-1]),
        "ends": np.array([-9]), "axes": np.array([1]), "steps": np.array([-2]),
        "v": random(2, 5, 4, 1, 1), "u": random(3, 5, 4, 1, 1), "spatial": np.array([2, 3]),
        "k": random(4, 5, 3),
    }  # fmt: skip
    model = network(nodes, {"x": [1, 3, 4, 4]}, {"y": None}, constants)
    assert error(model, random(0, 1, 3, 4, 4)) < 1e-5
    assert copies(model) == 0
