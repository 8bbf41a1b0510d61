"""LSTM, GRU and RNN, in all directions, compared with ONNX Runtime and PyTorch's exports."""

import io
import warnings

import numpy as np
import onnx
import pytest
import torch
from onnx.reference import ReferenceEvaluator
from tests.compiler.exported import marked
from tests.compiler.graphs import agree, close, graph, random, run
from torch import nn

from martlet.errors import MartletError

GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
TARGETS = ("native", "portable")
DIRECTIONS = ("forward", "reverse", "bidirectional")
STEPS, BATCH, INPUTS = 5, 2, 3


def recurrent(
    kind: str, direction: str = "forward", size: int = 4, more: str = "", *, started: bool = False
) -> onnx.ModelProto:
    """With biases; `started`: from states that are given."""
    directions, gates = 2 if direction == "bidirectional" else 1, GATES[kind] * size
    outputs = "y h c" if kind == "LSTM" else "y h"
    sides: dict[str, tuple[int, ...]] = {"x": (STEPS, BATCH, INPUTS)}
    start = ""
    if started:
        sides["h0"] = (directions, BATCH, size)
        start = ", , h0"
        if kind == "LSTM":
            sides["c0"], start = sides["h0"], ", , h0, c0"
    ways = f'direction = "{direction}", hidden_size = {size}{more}'
    return graph(
        f"{outputs.replace(' ', ', ')} = {kind} <{ways}> (x, w, r, b{start})", sides, outputs,
        w=(directions, gates, INPUTS), r=(directions, gates, size), b=(directions, 2 * gates),
    )  # fmt: skip


@pytest.mark.parametrize(
    "direction", marked(["forward", "reverse", "bidirectional"], ["bidirectional"])
)
@pytest.mark.parametrize("started", marked([False, True], [True]))
@pytest.mark.parametrize("kind", GATES)
def test_every_direction(kind: str, direction: str, started: bool) -> None:
    agree(recurrent(kind, direction, started=started), targets=TARGETS)


@pytest.mark.parametrize("size", marked([1, 17, 80], [80]))
@pytest.mark.parametrize("kind", GATES)
def test_sizes_of_states(kind: str, size: int) -> None:
    agree(recurrent(kind, size=size))


@pytest.mark.parametrize("direction", ["forward", "bidirectional"])
def test_a_gru_that_resets_behind_the_product(direction: str) -> None:
    """As PyTorch's."""
    agree(recurrent("GRU", direction, 20, ", linear_before_reset = 1"), targets=TARGETS)


def test_an_lstm_with_peepholes() -> None:
    model = recurrent("LSTM", started=True)
    (node,) = model.graph.node
    node.input.append("p")
    model.graph.initializer.append(onnx.numpy_helper.from_array(random(7, 1, 12), "p"))
    agree(model, targets=TARGETS)


@pytest.mark.parametrize("kind", GATES)
def test_series_in_front(kind: str) -> None:
    """layout = 1, which ONNX Runtime has not: compared with ONNX's own reference."""
    model = recurrent(kind, more=", layout = 1")
    del model.graph.output[1:]  # the reference says the others in another order of axes
    x = random(0, STEPS, BATCH, INPUTS)
    expected = ReferenceEvaluator(model).run(None, {"x": x})
    close(run(model, {"x": x}), expected)


@pytest.mark.parametrize("kind", marked([nn.LSTM, nn.GRU, nn.RNN], [nn.GRU]))
def test_as_pytorch_exports_them(kind: type[nn.Module]) -> None:
    """Two layers, both directions, series in front: a head for sensor recordings."""
    torch.manual_seed(0)

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layers = kind(6, 12, num_layers=2, bidirectional=True, batch_first=True)
            self.classes = nn.Linear(24, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.classes(self.layers(x)[0][:, -1])

    x, file = torch.randn(1, 9, 6), io.BytesIO()
    network = Head().eval()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls it old
        torch.onnx.export(network, (x,), file, dynamo=False, opset_version=17, input_names=["x"])
    with torch.no_grad():
        expected = network(x).numpy()
    model = onnx.load_from_string(file.getvalue())
    for target in TARGETS:
        close(run(model, {"x": x.numpy()}, target), [expected])


def test_several_threads() -> None:
    agree(recurrent("LSTM", "bidirectional", 33), threads=[1, 2, 3])


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (', activations = ["Relu", "Tanh", "Tanh"]', "other activations than Sigmoid, Tanh, Tanh"),
        (", clip = 3.0", "clip=3.0 is not supported"),
        (", input_forget = 1", "input_forget=1 is not supported"),
    ],
)
def test_what_is_not_supported(more: str, sentence: str) -> None:
    x = np.zeros((STEPS, BATCH, INPUTS), np.float32)
    with pytest.raises(MartletError, match=sentence):
        run(recurrent("LSTM", more=more), {"x": x})


def test_weights_of_another_size() -> None:
    model = recurrent("GRU")
    model.graph.initializer[1].CopyFrom(onnx.numpy_helper.from_array(random(0, 1, 12, 5), "r"))
    with pytest.raises(MartletError, match="GRU"):
        run(model, {"x": np.zeros((STEPS, BATCH, INPUTS), np.float32)})
