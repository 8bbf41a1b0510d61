"""3×3 convolutions by minimal filtering: which, with what behind them, and how exactly."""

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, graph, operators, planned, random, run

from martlet.compiler.kernels.winograd import InputTiles
from martlet.compiler.kernels.winograd_basis import OF_FOUR, OF_TWO, Basis
from martlet.compiler.lowering import winograd


def kinds(model: onnx.ModelProto) -> list[str]:
    return [type(layer).__name__ for layer in planned(model)[0].layers]


def between(
    side: int | tuple[int, int], channels: tuple[int, int] = (16, 20), how: str = "", rest: str = ""
) -> onnx.ModelProto:
    """A 3×3 convolution c with a bias, from 1×1 to 1×1; `rest` are nodes from c to d."""
    height, width = side if isinstance(side, tuple) else (side, side)
    nodes = f"""
        a = Conv (x, w1)
        c = Conv <pads = [1, 1, 1, 1]{how}> (a, w3, b)
        {rest or "d = Relu (c)"}
        y = Conv (d, w2)"""
    into, out = channels
    return graph(
        nodes, (1, 5, height, width), w1=(into, 5, 1, 1), w3=(out, into, 3, 3), b=(out,),
        w2=(7, out, 1, 1),
    )  # fmt: skip


@pytest.mark.parametrize("basis", [OF_TWO, OF_FOUR])
def test_the_three_bases_give_a_convolution(basis: Basis) -> None:
    """Along one axis, of whole numbers: the products of both bases are the sums of the taps."""
    chance = np.random.default_rng(0)
    x, w = chance.integers(-9, 10, basis.side), chance.integers(-9, 10, 3)
    products = (np.array(basis.inputs) @ x) * (np.array(basis.weights) @ w)
    outputs = np.array(basis.outputs) @ products
    np.testing.assert_allclose(outputs, [x[k : k + 3] @ w for k in range(basis.tile)], atol=1e-9)


@pytest.mark.parametrize("side", marked([12, 13, (11, 30), (40, 9)], [13, (11, 30)]))
@pytest.mark.parametrize("channels", marked([(16, 16), (20, 37)], [(20, 37)]))
def test_sides_and_channels(side: int | tuple[int, int], channels: tuple[int, int]) -> None:
    model = between(side, channels)
    assert kinds(model) == [
        "Product",
        "InputTiles",
        "Product",
        "OutputsOfTiles",
        "Product",
        "Copy",
    ]
    agree(model)


@pytest.mark.parametrize("basis", marked([OF_TWO, OF_FOUR], [OF_FOUR]))
@pytest.mark.parametrize("side", marked([16, 18, (13, 23)], [(13, 23)]))
def test_tiles_of_either_size(
    side: int | tuple[int, int], basis: Basis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(winograd, "basis_of", lambda *_: basis)
    agree(between(side), threads=[1, 2])


@pytest.mark.parametrize(
    ("side", "tile"), [(9, 2), (14, 2), (16, 4), (20, 4), ((15, 30), 4), ((8, 40), 4), (7, 0)]
)
def test_which_tiles_are_taken(side: int | tuple[int, int], tile: int) -> None:
    """Larger ones where they save enough of the products."""
    layers = planned(between(side))[0].layers
    found = [layer.basis.tile for layer in layers if isinstance(layer, InputTiles)]
    assert found == [tile] * (tile > 0)


@pytest.mark.parametrize(("side", "kept"), [(14, 16 / 36), (16, 36 / 144)])
def test_the_macs_are_the_network_s_and_those_that_are_saved_are_known(
    side: int, kept: float
) -> None:
    """A speed in operations a second is of what is done."""
    (product,) = (layer for layer in planned(between(side))[0].layers if layer.saved_macs)
    assert product.macs == 9 * 16 * 20 * side**2
    assert product.macs - product.saved_macs == kept * product.macs


@pytest.mark.parametrize("target", ["x86-64-v3", "x86-64-v4"])
def test_other_vectors(target: str) -> None:
    agree(between(14), targets=[target])


FUSED = (
    "d = HardSwish (c)",
    "r = Conv (x, w4) s = Add (c, r) d = Relu (s)",
    "r = Conv (x, w4) s = Sigmoid (c) d = Add (s, r)",
)


@pytest.mark.parametrize(
    "rest",
    marked(FUSED, FUSED[1:2]),
)
def test_what_is_fused_behind_it(rest: str) -> None:
    """Activations, and the sum with another tensor between them."""
    model = between(13, rest=rest)
    if "w4" in rest:
        model.graph.initializer.append(onnx.numpy_helper.from_array(random(9, 20, 5, 1, 1), "w4"))
    assert "Join" not in kinds(model)
    agree(model, threads=[1, 2])


@pytest.mark.parametrize("groups", marked([2, 3, 5], [3]))
def test_groups(groups: int) -> None:
    """Of a whole vector, of less, and of more."""
    nodes = f"a = Conv (x, w1) y = Conv <pads = [1, 1, 1, 1], group = {groups}> (a, w3)"
    for each in (16, 8, 24):
        weights = {"w1": (groups * each, 5, 1, 1), "w3": (groups * each, each, 3, 3)}
        model = graph(nodes, (1, 5, 12, 14), **weights)
        assert "InputTiles" in kinds(model)
        agree(model)


@pytest.mark.parametrize("pads", [[0, 0, 0, 0], [1, 0, 0, 1], [0, 1, 1, 0]])
def test_pads(pads: list[int]) -> None:
    nodes = f"a = Conv (x, w1) y = Conv <pads = {pads}> (a, w3)"
    model = graph(nodes, (1, 5, 15, 18), w1=(16, 5, 1, 1), w3=(20, 16, 3, 3))
    assert "InputTiles" in kinds(model)
    agree(model)


def test_parts_of_other_tensors() -> None:
    """Channels of two tensors, those of one from its middle on."""
    nodes = """
        a = Conv (x, w1)
        p, q = Split <axis = 1> (a, sizes)
        b = Conv (x, w4)
        j = Concat <axis = 1> (q, b)
        y = Conv <pads = [1, 1, 1, 1]> (j, w3)"""
    model = graph(
        nodes, (1, 5, 13, 14), w1=(40, 5, 1, 1), w4=(20, 5, 1, 1), w3=(16, 50, 3, 3),
        sizes=[10, 30],
    )  # fmt: skip
    assert "InputTiles" in kinds(model)
    agree(model, threads=[1, 3])


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_row_by_row_with_its_neighbours(threads: int) -> None:
    """A band: the tiles of the maps are in no memory but a few rows."""
    model = between((200, 100), (32, 40))
    program, schedule = planned(model, threads=threads)
    assert any(len(band) >= 3 for band in schedule.bands)
    whole = sum(buffer.bytes for buffer in program.buffers)
    assert schedule.workspace_bytes < whole / 3
    agree(model, threads=threads)


@pytest.mark.parametrize(
    ("how", "channels", "side"),
    [(", strides = [2, 2]", (16, 16), 24), ("", (7, 16), 12), ("", (16, 16), 6), ("", (8, 8), 7)],
)
def test_what_goes_by_taps(how: str, channels: tuple[int, int], side: int) -> None:
    """Strides, few channels, small maps."""
    model = between(side, channels, how)
    assert "InputTiles" not in kinds(model)
    agree(model)


@pytest.mark.parametrize(("side", "most"), [(14, 2e-6), (16, 5e-6)])
def test_how_exact_it_is(side: int, most: float) -> None:
    """Compared in double precision, where many channels are summed."""
    model = between(side, (200, 64), rest="d = Identity (c)")
    x = random(0, 1, 5, side, side)
    weights = {
        t.name: onnx.numpy_helper.to_array(t).astype(np.float64) for t in model.graph.initializer
    }
    a = np.einsum("oc,nchw->nohw", weights["w1"][..., 0, 0], x.astype(np.float64))
    padded = np.pad(a, ((0, 0), (0, 0), (1, 1), (1, 1)))
    c = sum(
        np.einsum(
            "oc,nchw->nohw", weights["w3"][..., i, j], padded[:, :, i : i + side, j : j + side]
        )
        for i in range(3)
        for j in range(3)
    )
    y = np.einsum("oc,nchw->nohw", weights["w2"][..., 0, 0], c + weights["b"][:, None, None])
    (found,) = run(model, {"x": x})
    assert np.abs(found - y).max() <= most * np.abs(y).max()


@pytest.mark.slow
def test_memory(sanitized: Callable[[onnx.ModelProto], None]) -> None:
    sanitized(between((13, 18), (20, 37)))
    assert operators(between(13))
