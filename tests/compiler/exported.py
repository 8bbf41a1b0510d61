"""Networks of torch as ONNX files, and how far a compiled one is from the exact answer.

The files are made by torch's older exporter, which takes a tenth of the time of the one behind
`export_onnx`. That both become the same layers is tested in test_our_networks.py.
"""

import copy
import warnings
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.compiler.graphs import error, random
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from martlet.compiler import CompiledNetwork
from martlet.models import ImageInput, create_model, list_models, spec

# Of the scale, in float32: of all networks, ResNeXt-101 is the farthest off, by 1.6e-5.
NETWORK_CLOSE = 2e-5
SIDE = 64  # pixels: enough for every stage to have maps of more than one place
INPUTS, LARGE_INPUTS = 20, 3
Shape = tuple[int, ...]
OurPath = Callable[..., Path]  # the fixture `our_path`
# Built of the same blocks as a network that is tested, only more of them or all of them wider; they
# are most of the time that all networks would take: the workspace alone of the last one is planned
# for minutes.
MORE_OF_THE_SAME = frozenset(
    (
        *("resnet101", "resnet152", "se_resnet101", "se_resnet152", "cbam_resnet101"),
        *("resnext101_32x4d", "se_resnext101_32x4d", "cbam_resnext101_32x4d"),
        *("cbam_wide_resnet18_x2_0", "se_wide_resnet18_x2_0", "wide_resnet18_x2_0"),
        "se_shufflenet_v2_164",
    )
)
NETWORKS = [name for name in list_models() if name not in MORE_OF_THE_SAME]


def marked(
    names: Iterable[object], quick: Iterable[object] = (), slow: Iterable[object] = ()
) -> list[object]:
    """The names as parameters: a few in a plain run, a few as `slow`, and all others as `long`."""
    marks = {name: [pytest.mark.slow] for name in slow} | {name: [] for name in quick}
    assert marks.keys() <= set(names)
    return [pytest.param(name, marks=marks.get(name, [pytest.mark.long])) for name in names]


def of_its_own(model: nn.Module, shape: Shape, momentum: float = 0.5) -> nn.Module:
    """The model for evaluation, with scales, shifts and statistics of its own.

    Fresh ones would hide mistakes: all scales 1 and all shifts 0, or branches that add nothing.
    With the whole of a batch's statistics (`momentum` 1), rounding alone is 1e-5 in some networks:
    channels that hardly vary are multiplied by hundreds, in PyTorch and ONNX Runtime as well.
    """
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, _BatchNorm) and module.affine:
                module.weight[module.weight == 0] = 0.5
                module.weight.mul_(torch.empty_like(module.weight).uniform_(0.7, 1.3))
                module.bias.normal_(0, 0.1)
                module.momentum = momentum
        model.train()(torch.randn(8, *shape))
    return model.eval()


def ours(name: str, side: int | None = SIDE, classes: int = 7) -> tuple[nn.Module, Shape]:
    """One of our networks, and the shape of its input; pictures of this side, or of its own."""
    torch.manual_seed(0)
    given = spec(name).input
    shape: Shape = given.shape
    if isinstance(given, ImageInput) and side is not None:
        shape = (given.channels, min(side, given.height), min(side, given.width))
    # Each gate halves what goes through; where nothing is added, little of the input would be left.
    momentum = {"se_mobilenet": 0.9, "cbam_mobilenet": 0.98}.get(name.partition("_v1")[0], 0.5)
    return of_its_own(create_model(name, num_classes=classes), shape, momentum), shape


def our_file(path: Path, name: str, side: int | None = SIDE) -> Shape:
    """Write one of our networks to the path; returns the shape of its input."""
    model, shape = ours(name, side)
    older_export(path, model, shape)
    return shape


def older_export(path: Path, model: nn.Module, shape: Shape, operator_set: int = 17) -> Path:
    """Write the model for one input at a time."""
    for module in model.modules():  # a layer of an attention that is watched is a convolution,
        if isinstance(module, nn.Conv2d):  # as `export_onnx` writes it, and no matrix product
            module.register_forward_hook(lambda *_: None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch calls it old
        torch.onnx.export(
            model, (torch.randn(1, *shape),), str(path), dynamo=False, opset_version=operator_set
        )
    return path


def worst(network: CompiledNetwork, model: nn.Module, shape: Shape) -> float:
    """The largest difference to the model in double precision, by the largest value it gives.

    PyTorch's exact answer is the reference: what another engine rounds hangs on the processor.
    """
    x = random(0, INPUTS if shape[-1] <= SIDE else LARGE_INPUTS, *shape)
    with torch.no_grad():
        exact = copy.deepcopy(model).double()(torch.from_numpy(x).double()).numpy()
    # A network that answers the same to all inputs would prove nothing.
    assert np.ptp(exact, axis=0).max() > 0.01 * np.abs(exact).max()
    return error(network(x), exact)
