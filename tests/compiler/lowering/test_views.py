import numpy as np
import onnx
from tests.compiler.graphs import agree, graph, simplified

from martlet.compiler.ir.graph import Graph, Node
from martlet.compiler.ir.tensor_view import Buffer, Maps, maps_in
from martlet.compiler.kernels.copy import Copy
from martlet.compiler.lowering.lower import lower
from martlet.compiler.lowering.views import by_channel, view_of
from martlet.compiler.targets import target


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
    layers = lower(simplified(model), target("wasm32")).layers
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
    nodes = """
        a = Conv (x, w)
        b = Concat <axis = 1> (a, a)
        c = Conv <group = 12> (b, v)
        d = Conv (c, u)
        e = Add (d, b)
        f = Gather <axis = 1> (e, twice)
        g = Add (f, f)
        y = Mul (g, b)"""
    constants = {
        "w": (6, 3, 1, 1), "v": (12, 1, 1, 1), "u": (12, 12, 1, 1),
        "twice": [0, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5],
    }  # fmt: skip
    agree(graph(nodes, (1, 3, 4, 4), **constants))


def test_inputs_and_maps_may_be_joined() -> None:
    """Parts that lie in different arrays, and in blocks and in rows."""
    nodes = """
        a = Conv (x, w)
        b = Concat <axis = 1> (x, z, a)
        c = Conv <pads = [1, 1, 1, 1]> (b, v)
        d = Concat <axis = -3> (x, z)
        e = Conv (d, u)
        y = Add (c, e)"""
    constants = {"w": (6, 3, 1, 1), "v": (5, 11, 3, 3), "u": (5, 5, 1, 1)}
    agree(graph(nodes, {"x": (1, 3, 4, 4), "z": (1, 2, 4, 4)}, **constants))


def test_thin_maps_of_large_ones_do_not_run_row_by_row_with_them() -> None:
    """A convolution reads pieces of maps that another has just made, large enough for a band."""
    nodes = """
        a = Conv <pads = [1, 1, 1, 1]> (x, w)
        b = Reshape (a, shape)
        y = Conv <pads = [1, 1, 1, 1]> (b, v)"""
    constants = {"w": (16, 3, 3, 3), "v": (4, 32, 3, 3), "shape": [1, 32, 48, 96]}
    agree(graph(nodes, (1, 3, 96, 96), **constants))


def test_split_slice_and_squeeze_move_nothing() -> None:
    nodes = """
        a = Conv (x, w)
        b, c = Split <axis = 1> (a, parts)
        d = Slice (b, starts, ends, axes, steps)
        e = Conv (d, v)
        f = Conv (c, u)
        g = Add (e, f)
        h = GlobalAveragePool (g)
        i = Squeeze (h, spatial)
        y = Gemm (i, k)"""
    constants = {
        "w": (12, 3, 1, 1), "parts": [8, 4], "starts": [-1], "ends": [-9], "axes": [1],
        "steps": [-2], "v": (5, 4, 1, 1), "u": (5, 4, 1, 1), "spatial": [2, 3], "k": (5, 3),
    }  # fmt: skip
    model = graph(nodes, (1, 3, 4, 4), **constants)
    agree(model)
    assert copies(model) == 0
