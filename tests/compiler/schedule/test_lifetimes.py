"""No value is written over before all have read it, in whatever order threads come."""

import onnx
import pytest
from tests.compiler.conftest import everything
from tests.compiler.graphs import graph, planned, rearranged, shuffle_unit
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
        (72, 3),
        (72, 1, 3, 3),
        (8, 72),
        (8, 8),
        (72, 8),
        (40, 8),
        (72, 72),
        (8, 1, 3, 3),
        (8, 40),
    ]
    weights = {f"w{n}": (*side, 1, 1)[:4] for n, side in enumerate(sides)}
    return graph(nodes, (1, 3, 43, 43), **weights)


GRAPHS = {
    "everything": everything(),
    "gated": gated(),
    "head": net("residual"),
    "in place": in_place(),
    "rearranged": rearranged(),
    "residuals": residuals(),
    "reshaped": net(second=(7, 28)),
    "shuffle": shuffle_unit(),
    "thread rows": every_kind(22, 9),
}


@pytest.mark.parametrize("name", GRAPHS)
def test_every_layer_finds_what_it_reads(name: str) -> None:
    for machine in ("x86-64-v4", "aarch64"):
        for threads in (1, 2, 3):
            check_memory(*planned(GRAPHS[name], machine, threads))


def test_residuals_have_bands_of_several_layers_in_one_region() -> None:
    _, schedule = planned(residuals(), threads=2)
    assert {range(5, 8), range(8, 9)} <= {*schedule.bands}
    assert range(5, 9) in schedule.regions


def test_outputs_alias_their_inputs() -> None:
    """A sum and a difference lie where what they read lay."""
    program, schedule = planned(every_kind(22, 9), "x86-64-v3")
    over = {
        layer.name
        for layer in program.layers
        if schedule[layer.writes[0]].at in [schedule[buffer].at for buffer in layer.reads]
    }
    assert {"c_layer2", "h"} <= over
