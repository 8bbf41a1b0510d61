"""The other library's network with random weights, and the comparison of its answers with ours."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from martlet.models.weights.renaming import Converted, convert


def randomise(network: nn.Module, channels: int, size: int) -> nn.Module:
    """Random weights, scales and biases, and the statistics that noise has under them.

    No tensor is at its neutral value then, and no map dies or explodes on its way.
    """
    torch.manual_seed(0)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    kept = [norm.momentum for norm in norms]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, 0, 0.5)
        norm.momentum = 1.0
    for layer in network.modules():
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            nn.init.normal_(layer.weight, 0, layer.weight[0].numel() ** -0.5)
            if layer.bias is not None:
                nn.init.normal_(layer.bias, 0, 0.5)
    with torch.no_grad():
        network.train()(torch.randn(4, channels, size, size))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    return network.eval()


@pytest.fixture
def same_answers() -> Callable[..., Converted]:
    """Convert a library's network and compare both networks' answers; returns the conversion.

    In double precision: rounding is far below every difference of the functions. `prepare` makes
    the library's input from ours.
    """

    def compare(
        theirs: nn.Module,
        library: str,
        name: str,
        size: int = 64,
        channels: int = 3,
        prepare: Callable[[Tensor], Tensor] = lambda x: x,
    ) -> Converted:
        randomise(theirs, channels, size)
        converted = convert(theirs.state_dict(), library, name)
        x = torch.randn(2, channels, size, size, dtype=torch.float64)
        with torch.inference_mode():
            expected, found = theirs.double()(prepare(x)), converted.build().double()(x)
        scale = expected.abs().max()
        assert (expected[0] - expected[1]).abs().max() > 0.01 * scale, "the answers say nothing"
        assert (found - expected).abs().max() <= 1e-9 * scale
        return converted

    return compare
