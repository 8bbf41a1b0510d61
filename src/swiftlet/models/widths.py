"""Networks of any width by their name: "mobilenet_v2_x0_6" is MobileNetV2 of width 0.6."""

import re
from dataclasses import replace
from typing import TypeVar

import torch
from torch import nn

from swiftlet.models.spec import Spec

NARROWEST, WIDEST = 0.1, 4.0

Row = TypeVar("Row", bound=Spec)


def width_in(name: str, family: str) -> float | None:
    """0.6 for the name "mobilenet_v2_x0_6" of the family "mobilenet_v2".

    None when `name` is not of this form or the width is not from 0.1 to 4.
    """
    match = re.fullmatch(re.escape(family) + r"_x(\d)_(\d{1,2})", name)
    width = float(f"{match[1]}.{match[2]}") if match else 0.0
    return width if NARROWEST <= width <= WIDEST else None


def counted(row: Row, network: nn.Module) -> Row:
    """`row` with the params and MACs of `network`, which is its own, built on the meta device."""
    macs: list[int] = []

    def count(layer: nn.Module, _: object, output: torch.Tensor) -> None:
        macs.append(output.numel() * layer.get_parameter("weight")[0].numel())

    for layer in network.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            layer.register_forward_hook(count)
    network.eval()(torch.empty(1, *row.input.shape, device="meta"))
    params = sum(parameter.numel() for parameter in network.parameters())
    return replace(row, params=params, macs=sum(macs))
