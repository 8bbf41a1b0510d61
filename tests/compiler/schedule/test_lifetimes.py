"""No value is written over before all have read it, in whatever order threads come."""

import onnx
import pytest
from tests.compiler.conftest import everything
from tests.compiler.graphs import choosing, graph, planned, rearranged, shuffle_unit
from tests.compiler.schedule.test_barriers import in_place
from tests.compiler.schedule.test_classifier_head import net
from tests.compiler.schedule.test_memory_budget import gated
from tests.compiler.schedule.test_thread_rows import every_kind
from tests.compiler.shadow_memory import check_memory


def residuals() -> onnx.ModelProto:
    """Inverted residuals on large maps: line buffers, and bands without a barrier behind them."""
    nodes = """
        a = Conv (x, w0)
        v = Conv <group = 72, pads = [1, 1, 1, 1]> (a, w1)
        b = Conv <group = 72, pads = [1, 1, 1, 1]> (v, w1)
        c = Conv (b, w2)
        d = Conv (c, w3)
        e = Relu (d)
        f = Conv (e, w4)
        g = Conv <group = 72, pads = [1, 1, 1, 1]> (f, w1)
        h = Conv (g, w2)
        i = Add (h, e)
        j = Conv (i, w3)
        k = Conv (j, w4)
        l = Conv <group = 72, pads = [1, 1, 1, 1]> (k, w1)
        r = Conv (l, w6)
        m = Conv (r, w2)
        n = Add (m, i)
        s = GlobalAveragePool (n)
        t = Sigmoid (s)
        u = Mul (n, t)
        o = Conv (u, w3)
        p = Conv (o, w5)
        q = Conv <group = 8, pads = [1, 1, 1, 1]> (o, w7)
        z = Conv (p, w8)
        y = Add (z, q)"""
    sides = [
        *((72, 3), (72, 1, 3, 3), (8, 72), (8, 8), (72, 8)),
        *((40, 8), (72, 72), (8, 1, 3, 3), (8, 40)),
    ]
    weights = {f"w{n}": (*side, 1, 1)[:4] for n, side in enumerate(sides)}
    return graph(nodes, (1, 3, 43, 43), **weights)


# Networks in which one rule of the planner matters: a name, nodes, the sides of x, and weights.
PAD = "pads = [1, 1, 1, 1]"
SMALL = {
    "a sum by rows of what was made by blocks": graph(
        f"""u = Conv (x, k) c = Conv <strides = [4, 4]> (u, w)
        a = Conv <strides = [4, 4], {PAD}> (u, v)
        b = Tanh (a) y = Sub (c, b)
        i = ReduceMean <axes = [1]> (a) j = ReduceMean <axes = [1]> (b)""",
        (1, 3, 20, 36), "y i j", k=(80, 3, 1, 1), w=(80, 80, 1, 1), v=(80, 80, 3, 3),
    ),
    "a gate of maps that are needed again": graph(
        """a = Conv (x, w) b = GlobalAveragePool (a) c = Sigmoid (b) d = Mul (a, c) e = Sub (d, a)
        y = GlobalAveragePool (e)""",
        (1, 3, 9, 9), w=(40, 3, 1, 1),
    ),
    "a sum over what the band before it reads": graph(
        f"""a = Conv <{PAD}> (x, w) b = Conv (a, u) c = Conv <group = 72, {PAD}> (b, v)
        d = Conv (c, k) e = Add (d, a) y = GlobalAveragePool (e)""",
        (1, 3, 43, 43), w=(8, 3, 3, 3), u=(72, 8, 1, 1), v=(72, 1, 3, 3), k=(8, 72, 1, 1),
    ),
    "channels out of order": graph(
        """a = Conv (x, w) b = Reshape (a, five) c = Transpose <perm = [0, 2, 1, 3, 4]> (b)
        d = Reshape (c, four) y = Tanh (d)""",
        (1, 3, 6, 5), w=(8, 3, 1, 1), five=[1, 2, 4, 6, 5], four=[1, 8, 6, 5],
    ),
    "a band behind two tensors": graph(
        f"""a = Conv (x, w) b = Conv <{PAD}> (x, v) c = Concat <axis = 1> (b, a)
        y = Conv <group = 144, {PAD}> (c, k)""",
        (1, 3, 43, 43), w=(72, 3, 1, 1), v=(72, 3, 3, 3), k=(144, 1, 3, 3),
    ),
    "a tensor of which half is needed whole": graph(
        f"""a = Conv (x, w) b = Conv <{PAD}> (x, v) c = Concat <axis = 1> (b, a)
        y = Conv (c, k) j = ReduceMean <axes = [1]> (b)""",
        (1, 3, 9, 9), "y j", w=(16, 3, 1, 1), v=(16, 3, 3, 3), k=(16, 32, 1, 1),
    ),
    "a last thread that needs fewer rows": graph(
        """a = Conv (x, w) y = Conv <group = 72, pads = [1, 2, 1, 2]> (a, v)""",
        (1, 1, 3, 600), w=(72, 1, 1, 1), v=(72, 1, 3, 5),
    ),
    "half of what a band makes": graph(
        f"""a = Conv (x, w) b, c = Split <axis = 1> (a, h) y = Conv <group = 80, {PAD}> (c, v)""",
        (1, 3, 30, 43), w=(160, 3, 1, 1), v=(80, 1, 3, 3), h=[80, 80],
    ),
}  # fmt: skip

GRAPHS = {
    "everything": everything(),
    "gated": gated(),
    "head": net("residual"),
    "head of as many channels": net(channels=96),
    "in place": in_place(),
    "choosing": choosing(),
    "rearranged": rearranged(),
    "residuals": residuals(),
    "reshaped": net(second=(7, 28)),
    "shuffle": shuffle_unit(),
    "thread rows": every_kind(22, 9),
    **SMALL,
}


@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * (n == "residuals")) for n in GRAPHS],
)
def test_every_layer_finds_what_it_reads(name: str) -> None:
    for machine in ("x86-64-v4", "aarch64", "portable"):
        for threads in (1, 2, 3):
            check_memory(*planned(GRAPHS[name], machine, threads))


def test_residuals_have_bands_of_several_layers_in_one_region() -> None:
    _, schedule = planned(residuals(), threads=2)
    assert {range(5, 8), range(8, 9)} <= {*schedule.bands}
    assert range(5, 9) in schedule.regions
