from tests.compiler.graphs import graph, planned

from martlet.compiler.schedule.lifetimes import Piece, aliases, lifetimes

NODES = """
    a = Conv (x, w0)
    b = Conv (a, w1)
    c = Add (b, a)
    d = GlobalAveragePool (c)
    e = Sigmoid (d)
    f = Mul (c, e)
    g = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (f)
    y = Sub (g, f)"""
# Each channel is changed by itself: the sum reads all channels of `a` for each of its own.
IN_PLACE = {"e": [True], "f": [True, False], "y": [True, True]}


def test_outputs_of_operators_value_by_value_may_alias_what_nobody_reads_later() -> None:
    model = graph(NODES, (1, 3, 6, 5), w0=(16, 3, 1, 1), w1=(16, 16, 1, 1))
    program, schedule = planned(model, "x86-64-v3")
    pairs, pieces = aliases(program, schedule), lifetimes(program, schedule)
    found = {
        layer.name: [(id(buffer), id(layer.writes[0])) in pairs for buffer in layer.reads]
        for layer in program.layers
    }
    assert {name: may for name, may in found.items() if any(may)} == IN_PLACE
    at = {layer.name: number for number, layer in enumerate(program.layers)}
    summed = next(layer for layer in program.layers if layer.name == "b")  # and the sum with it
    whole = schedule[summed.writes[0]].bytes
    assert pieces[summed.writes[0]] == [Piece(0, whole, at["b"], at["f"])]
