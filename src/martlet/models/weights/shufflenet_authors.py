"""The ShuffleNet authors' released code (megvii-model/ShuffleNet-Series), versions 1 and 2.

Their networks see blue, green and red values of 0 to 255. The first convolution's inputs are put
in the order red, green, blue here; the values stay, as `preprocess` says. Their classifier has no
bias: ours is zero.

Version 1 shuffles behind the depthwise convolution, by the inverse of the paper's permutation.
What stands between the two grouped convolutions works on each channel by itself, so all that
matters is from which group to which group a channel goes. When the counts are the same in both
directions for every pair of groups, the paper's shuffle takes as many channels the same ways, and
the weights are put in its order. When they are not, the network gets `inverse_shuffle=True`.
"""

import re
from typing import Any

import torch
from torch import Tensor

from martlet.models.classifier import Classifier
from martlet.models.shufflenet_v1_unit import ShuffleUnit
from martlet.models.spec import Spec
from martlet.models.weights.renaming import Family, State, conv_bn
from martlet.ops.shuffle import channel_shuffle


def preprocess(_: Spec) -> dict[str, Any]:
    """Values of 0 to 255."""
    return {"mean": (0.0, 0.0, 0.0), "std": (1 / 255, 1 / 255, 1 / 255)}


def _place(number: int, _: int) -> str:
    """Their units are counted through stages of 4, 8 and 4."""
    if number < 4:
        return f"stage2.{number}"
    return f"stage3.{number - 4}" if number < 12 else f"stage4.{number - 12}"


def channel_order(channels: int, groups: int) -> Tensor | None:
    """For each channel before the paper's shuffle, the authors' channel between the same groups.

    None when the two shuffles send different numbers of channels from one group to another.
    """
    numbers, size = torch.arange(channels), channels // groups
    position = channel_shuffle(numbers[None], groups)[0].argsort()
    ours = numbers // size * groups + position // size  # from group, to group
    theirs = numbers // size * groups + numbers % groups
    if not torch.equal(ours.sort().values, theirs.sort().values):
        return None
    order = torch.empty_like(numbers)
    order[ours.argsort(stable=True)] = theirs.argsort(stable=True)
    return order


def _options_v1(name: str, renamed: State) -> dict[str, Any]:
    """Whether their shuffle has to stay."""
    groups = re.search(r"_g(\d+)_", name)
    assert groups is not None
    widths = {len(t) for key, t in renamed.items() if key.endswith("depthwise.conv.weight")}
    stays = _shuffle_stays(widths, int(groups[1]))
    return {"inverse_shuffle": True} if stays else {}


def _shuffle_stays(widths: set[int], groups: int) -> bool:
    divisible = [width for width in widths if width % groups == 0]  # others: of another network
    return any(channel_order(width, groups) is None for width in divisible)


def _adapt_v1(state: dict[str, Tensor], network: Classifier) -> None:
    _adapt_input(state)
    units = {name: unit for name, unit in network.named_modules() if isinstance(unit, ShuffleUnit)}
    groups = max(unit.expand.conv.groups for unit in units.values())
    widths = {name: unit.depthwise.conv.out_channels for name, unit in units.items()}
    stays = _shuffle_stays(set(widths.values()), groups)
    for name, width in widths.items():
        order = channel_order(width, groups)
        if stays or order is None:
            order = torch.arange(width)
            shuffled = channel_shuffle(order[None], width // groups)[0]
        else:
            shuffled = channel_shuffle(order[None], groups)[0]
            _take_inputs(state, f"{name}.expand.conv.weight", shuffled // groups, groups)
        for key, tensor in state.items():
            if tensor.dim() > 0 and key.startswith(f"{name}.compress."):
                state[key] = tensor[order]
            elif tensor.dim() > 0 and key.startswith(f"{name}.depthwise."):
                state[key] = tensor[shuffled]


def _take_inputs(state: dict[str, Tensor], key: str, inputs: Tensor, groups: int) -> None:
    """Put the inputs of a grouped convolution in order; `inputs` counts within each group."""
    weights = state[key].chunk(groups)
    parts = zip(weights, inputs.chunk(groups), strict=True)
    state[key] = torch.cat([weight[:, taken] for weight, taken in parts])


def _adapt_input(state: dict[str, Tensor], _: Classifier | None = None) -> None:
    """The first convolution for red, green and blue instead of blue, green and red."""
    state["conv1.conv.weight"] = state["conv1.conv.weight"].flip(1)


SHUFFLENET_V1 = Family(
    networks=("shufflenet_v1_g*",),
    units=r"features\.(\d+)",
    place=_place,
    rules=(
        *conv_bn(r"first_conv\.", "0", "1", "conv1"),
        *conv_bn(r"(stage\d\.\d+)\.branch_main_1\.", "0", "1", r"\1.compress"),
        *conv_bn(r"(stage\d\.\d+)\.branch_main_1\.", "3", "4", r"\1.depthwise"),
        *conv_bn(r"(stage\d\.\d+)\.branch_main_2\.", "0", "1", r"\1.expand"),
        (r"classifier\.0", r"classifier"),
    ),
    options=_options_v1,
    zeros=("classifier.bias",),
    adapt=_adapt_v1,
)

SHUFFLENET_V2 = Family(
    networks=("shufflenet_v2_authors_*",),
    units=r"features\.(\d+)",
    place=_place,
    rules=(
        *conv_bn(r"first_conv\.", "0", "1", "conv1"),
        *conv_bn(r"(stage\d\.\d+)\.branch_proj\.", "0", "1", r"\1.shortcut.0"),
        *conv_bn(r"(stage\d\.\d+)\.branch_proj\.", "2", "3", r"\1.shortcut.1"),
        *conv_bn(r"(stage\d\.\d+)\.branch_main\.", "0", "1", r"\1.main.0"),
        *conv_bn(r"(stage\d\.\d+)\.branch_main\.", "3", "4", r"\1.main.1"),
        *conv_bn(r"(stage\d\.\d+)\.branch_main\.", "5", "6", r"\1.main.2"),
        *conv_bn(r"conv_last\.", "0", "1", "conv5"),
        (r"classifier\.0", r"classifier"),
    ),
    zeros=("classifier.bias",),
    adapt=_adapt_input,
)

FAMILIES = (SHUFFLENET_V1, SHUFFLENET_V2)
