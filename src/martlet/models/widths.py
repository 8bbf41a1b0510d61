"""Networks of any width by their name: "mobilenet_v2_x0_6" is MobileNetV2 of width 0.6."""

import re
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from martlet.models.classifier import Classifier
from martlet.models.spec import Spec

NARROWEST, WIDEST = 0.1, 4.0

Row = TypeVar("Row", bound=Spec)


def width_in(name: str, family: str) -> float | None:
    """0.6 for the name "mobilenet_v2_x0_6" of the family "mobilenet_v2".

    None when `name` is not of this form or the width is not from 0.1 to 4.
    """
    match = re.fullmatch(re.escape(family) + r"_x(\d)_(\d{1,2})", name)
    width = float(f"{match[1]}.{match[2]}") if match else 0.0
    return width if NARROWEST <= width <= WIDEST else None


def shortest(name: str) -> str:
    """ "mobilenet_v2_x1_0" for "mobilenet_v2_x1_00"; any other name as it is."""
    return re.sub(r"(_x\d_\d)0$", r"\1", name)


def counted(row: Row, build: Callable[..., Classifier]) -> Row:
    """`row` with the params and MACs of its network, which `build` makes without data."""
    with torch.device("meta"):
        network = build(row, in_chans=row.input.channels)
        network.add_head(row.num_classes, row.drop_rate)
    macs: list[int] = []

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        macs.append(output.numel() * layer.get_parameter("weight")[0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network.eval()(torch.empty(1, *row.input.shape, device="meta"))
    params = sum(parameter.numel() for parameter in network.parameters())
    return replace(row, params=params, macs=sum(macs))
