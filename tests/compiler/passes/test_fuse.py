import numpy as np
from tests.compiler.graphs import agree, graph, operators, random

PICTURE = (1, 4, 5, 6)


def test_what_does_nothing_goes_even_at_the_outputs() -> None:
    nodes = "a = Dropout (x) b = Cast <to = 1> (a) c = Relu (b) y = Identity (c) z = Dropout (c)"
    model = graph(nodes, PICTURE, "y z")
    assert operators(model) == ["Relu", "Identity", "Identity"]
    agree(model, limit=0)


def test_only_what_is_exact_is_taken_for_a_known_activation() -> None:
    nodes = """
        a = HardSigmoid <alpha = 0.2, beta = 0.5> (x)
        b = Mul (x, a)
        c = Sigmoid (b)
        y = Mul (b, c)"""
    model = graph(nodes, PICTURE)
    assert operators(model) == ["HardSigmoid", "Mul", "Swish"]
    agree(model)


def test_limits_that_are_known_at_run_time_only_stay() -> None:
    nodes = "a = Conv (x, w) y = Clip (a, low, high)"
    model = graph(nodes, {"x": PICTURE, "low": (), "high": ()}, w=(8, 4, 1, 1))
    agree(model, random(0, *PICTURE), np.array(-0.1, np.float32), np.array(0.2, np.float32))
