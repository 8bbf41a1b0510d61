"""Fold batch normalisation into the convolution before it, the temperature into the last layer.

At inference a BatchNorm is one multiplication and one addition per channel with fixed numbers
(Ioffe and Szegedy, arXiv 1502.03167, section 3.1), so the convolution can do both for nothing.
"""

import copy
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval
from torch.nn.utils.parametrize import is_parametrized

from martlet.errors import MartletError
from martlet.ops.conv import ConvBNAct

CONVOLUTIONS = (
    nn.Conv1d,
    nn.Conv2d,
    nn.Conv3d,
    nn.ConvTranspose1d,
    nn.ConvTranspose2d,
    nn.ConvTranspose3d,
)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)

Pair = tuple[str, str]


def fold(model: nn.Module) -> nn.Module:
    """A copy of `model` in evaluation mode, its BatchNorms folded into their convolutions.

    Each folded BatchNorm becomes an `nn.Identity`, each ConvBNAct a plain sequence; the copy's
    output equals that of the model in evaluation mode up to float rounding. A BatchNorm stays where
    folding would change the result: without running statistics, after something else than a
    convolution, or where either module is used more than once or the convolution's output is also
    read elsewhere. The model given is not changed.
    """
    folded = copy.deepcopy(model).eval()
    modules = dict(folded.named_modules())
    for conv_name, norm_name in _pairs(folded):
        conv, norm = modules[conv_name], modules[norm_name]
        if _can_fold(conv, norm):
            with torch.no_grad():
                fused = fuse_conv_bn_eval(conv, norm, transpose=isinstance(conv, TRANSPOSED))
            folded = _replaced(folded, conv_name, norm_name, fused)
    return folded


def fold_temperature(model: nn.Module, temperature: float) -> nn.Module:
    """A copy of `model` whose logits are those of the model, divided by `temperature`.

    The last layer, a linear one called "classifier", has its weight and bias divided by it. With a
    temperature of 1 it is the model itself.

    Raises MartletError for a network without such a layer.
    """
    if temperature == 1:
        return model
    scaled = copy.deepcopy(model)
    names = [name for name, _ in scaled.named_modules() if name.split(".")[-1] == "classifier"]
    last = scaled.get_submodule(names[0]) if len(names) == 1 else None
    if not isinstance(last, nn.Linear):
        raise MartletError(
            f"temperature={temperature:g} cannot be folded into {type(model).__name__}: its last "
            "layer is no linear one called classifier; give 1, and divide the logits."
        )
    with torch.no_grad():
        for parameter in last.parameters():
            parameter.div_(temperature)
    return scaled


def _replaced(model: nn.Module, conv_name: str, norm_name: str, fused: nn.Module) -> nn.Module:
    """`model` with `fused` in place of both; a ConvBNAct becomes a plain sequence."""
    parent_name = conv_name.rpartition(".")[0]
    parent = model.get_submodule(parent_name)
    if type(parent) is not ConvBNAct:
        model.set_submodule(conv_name, fused)
        model.set_submodule(norm_name, nn.Identity())
        return model
    block = fused if parent.act is None else nn.Sequential(fused, parent.act)
    if not parent_name:
        return block
    model.set_submodule(parent_name, block)
    return model


def _can_fold(conv: nn.Module, norm: nn.Module) -> bool:
    return (
        isinstance(conv, CONVOLUTIONS)
        and isinstance(norm, NORMS)
        and norm.running_mean is not None
        and not is_parametrized(conv)
        and not (isinstance(conv, TRANSPOSED) and conv.groups > 1)  # torch's fusion: groups=1 only
    )


def _pairs(model: nn.Module) -> list[Pair]:
    """Names of (convolution, BatchNorm) where the second alone reads the first's output."""
    try:
        graph = fx.Tracer().trace(model)
    except Exception:  # a forward with branches on values cannot be traced, in many ways
        return list(_pairs_by_structure(model))
    return list(_pairs_by_graph(model, graph))


def _pairs_by_graph(model: nn.Module, graph: fx.Graph) -> Iterator[Pair]:
    modules = dict(model.named_modules())
    calls = Counter(str(node.target) for node in graph.nodes if node.op == "call_module")
    for node in graph.nodes:
        if node.op != "call_module" or not isinstance(modules[str(node.target)], NORMS):
            continue
        source = node.args[0] if node.args else None
        if not isinstance(source, fx.Node) or source.op != "call_module":
            continue
        once = calls[str(source.target)] == calls[str(node.target)] == 1
        if once and len(source.users) == 1:
            yield str(source.target), str(node.target)


def _pairs_by_structure(model: nn.Module) -> Iterator[Pair]:
    """Neighbours in an `nn.Sequential` or in our ConvBNAct, whose forward is known."""
    uses = Counter(id(module) for _, module in model.named_modules(remove_duplicate=False))
    for name, parent in model.named_modules():
        if type(parent) is ConvBNAct or type(parent).forward is nn.Sequential.forward:
            children = list(parent.named_children())
            for (first, conv), (second, norm) in pairwise(children):
                if uses[id(conv)] == uses[id(norm)] == 1 and isinstance(norm, NORMS):
                    prefix = f"{name}." if name else ""
                    yield prefix + first, prefix + second
