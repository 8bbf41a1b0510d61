import onnx
import pytest
from tests.compiler.graphs import agree, graph, simplified

from martlet.compiler.kernels.copy import Copy
from martlet.compiler.lowering.lower import lower
from martlet.compiler.targets import target


def copies(model: onnx.ModelProto) -> int:
    """Copies in a network, but for those to its outputs."""
    layers = lower(simplified(model), target("wasm32")).layers
    return sum(isinstance(x, Copy) and not x.writes[0].outside for x in layers)


@pytest.mark.parametrize("other", ["b", "c"])
def test_pieces_of_maps_are_joined_again(other: str) -> None:
    """As they were, which moves nothing; those of two maps are not one map."""
    nodes = f"""
        a = Conv (x, w)
        b, c = Split <axis = 1> (a, parts)
        d = Slice (b, top, middle, rows)
        e = Slice ({other}, middle, bottom, rows)
        f = Concat <axis = 2> (d, e)
        y = Conv (f, v)"""
    places = {"parts": [6, 6], "top": [0], "middle": [2], "bottom": [4], "rows": [2]}
    model = graph(nodes, (1, 3, 4, 4), w=(12, 3, 1, 1), v=(5, 6, 1, 1), **places)
    agree(model)
    assert (copies(model) == 0) == (other == "b")


def test_rows_that_are_split_and_joined_again_take_any_shape_without_a_move() -> None:
    nodes = "a, b = Split <axis = 1> (x, parts) c = Concat <axis = 1> (a, b) d = Reshape (c, s) "
    model = graph(f"{nodes} y = Abs (d)", (2, 6, 5), parts=[2, 4], s=[3, 20])
    agree(model)
    assert copies(model) == 0


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
