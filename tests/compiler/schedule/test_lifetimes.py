from tests.compiler.graphs import graph, planned

from martlet.compiler.schedule.lifetimes import Piece, aliases, lifetimes

NODES = """
    a = Conv (x, w0)
    b = Conv (a, w1)
    sum = Conv (b, w1)
    c = Add (sum, a)
    d = GlobalAveragePool (c)
    e = Sigmoid (d)
    f = Mul (c, e)
    g = MaxPool <kernel_shape = [3, 3], pads = [1, 1, 1, 1]> (f)
    y = Sub (g, f)"""
IN_PLACE = {"sum": [False, True], "e": [True], "f": [True, False], "y": [True, True]}


def test_outputs_of_operators_value_by_value_may_alias_what_nobody_reads_later() -> None:
    model = graph(NODES, (1, 3, 6, 5), w0=(16, 3, 1, 1), w1=(16, 16, 1, 1))
    program, schedule = planned(model, "x86-64-v3")
    pairs, pieces = aliases(program, schedule), lifetimes(program, schedule)
    found = {
        layer.name: [(buffer, layer.writes[0]) in pairs for buffer in layer.reads]
        for layer in program.layers
    }
    assert {name: may for name, may in found.items() if any(may)} == IN_PLACE
    layers = {layer.name: layer for layer in program.layers}
    for name, may in IN_PLACE.items():  # and they do
        sources = [b for b, said in zip(layers[name].reads, may, strict=True) if said]
        assert schedule[layers[name].writes[0]].at in [schedule[b].at for b in sources]
    made = layers["sum"].writes[0]
    first, last = (program.layers.index(layers[name]) for name in ("sum", "f"))
    assert pieces[made] == [Piece(0, schedule[made].bytes, first, last)]
