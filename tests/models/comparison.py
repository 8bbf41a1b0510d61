"""Networks with random weights, and the comparison of another library's answers with ours."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from martlet.models.weights.renaming import Converted, convert


def lively(module: nn.Module) -> nn.Module:
    """Random scales, shifts, statistics and biases of all layers; in evaluation mode."""
    for layer in module.modules():
        if isinstance(layer, nn.BatchNorm2d):
            for tensor in (layer.weight, layer.running_var):
                nn.init.uniform_(tensor, 0.5, 1.5)  # type: ignore[arg-type]
            nn.init.normal_(layer.running_mean)  # type: ignore[arg-type]
        if getattr(layer, "bias", None) is not None:
            nn.init.normal_(layer.bias)  # type: ignore[arg-type]
    return module.eval()


def randomise(network: nn.Module, channels: int = 3) -> nn.Module:
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
        network.train()(torch.randn(4, channels, 64, 64))
    for norm, momentum in zip(norms, kept, strict=True):
        norm.momentum = momentum
    return network.eval()


def assert_same(theirs: nn.Module, ours: nn.Module, x: Tensor, given: Tensor | None = None) -> None:
    """The answers of both are the same for `x`; `given` is their input where it is another.

    In double precision: rounding is far below every difference of the functions.
    """
    with torch.no_grad():
        expected = theirs.double()((x if given is None else given).double())
        found = ours.double()(x.double())
    scale = expected.abs().max()
    assert (expected[0] - expected[1]).abs().max() > 0.01 * scale, "the answers say nothing"
    assert (found - expected).abs().max() <= 1e-9 * scale


def same_answers(
    theirs: nn.Module,
    library: str,
    name: str,
    channels: int = 3,
    prepare: Callable[[Tensor], Tensor] = lambda x: x,
) -> Converted:
    """Convert a library's network and compare both networks' answers; returns the conversion.

    `prepare` makes the library's input from ours.
    """
    randomise(theirs, channels)
    converted = convert(theirs.state_dict(), library, name)
    x = torch.randn(2, channels, 64, 64)
    assert_same(theirs, converted.build(), x, prepare(x))
    return converted
