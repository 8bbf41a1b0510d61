"""Attention over channels and over places: Squeeze-and-Excitation and CBAM.

SE is arXiv 1709.01507v4, CBAM is arXiv 1807.06521v2. `Attention` says which of them, and how, as
plain data; a network builds the module from it for each of its blocks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from numbers import Integral
from typing import Any, Literal, get_args

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.arguments import checked
from martlet.errors import MartletError, unknown
from martlet.ops.conv import ConvBNAct
from martlet.ops.norm import has_hooks
from martlet.ops.pool import global_average, global_max, max_and_mean_of_channels

Kind = Literal["se", "cbam"]
Squeeze = Literal["avg", "max"]
Gate = Literal["sigmoid", "tanh", "relu"]
Order = Literal["channel_first", "spatial_first", "parallel"]


GATES: dict[str, type[nn.Module]] = {"sigmoid": nn.Sigmoid, "tanh": nn.Tanh, "relu": nn.ReLU}


@dataclass(frozen=True)
class Attention:
    """Which attention a network carries.

    `reduction` is r: the hidden layer has channels / r units. `squeeze` is SE's pooling (Table 11
    of its paper), `gate` what its last layer goes through (Table 12). `order` is how CBAM joins its
    two gates (Table 3 of its paper), `kernel` the side of its spatial convolution. `placement` says
    where in a block it sits; each network names the placements that it has, "standard" always among
    them.
    """

    kind: Kind
    reduction: int = 16
    squeeze: Squeeze = "avg"
    order: Order = "channel_first"
    kernel: int = 7
    placement: str = "standard"
    gate: Gate = "sigmoid"

    def __post_init__(self) -> None:
        for name, value, accepted in (
            ("attention", self.kind, get_args(Kind)),
            ("squeeze", self.squeeze, get_args(Squeeze)),
            ("order", self.order, get_args(Order)),
            ("gate", self.gate, get_args(Gate)),
        ):
            if value not in accepted:
                raise unknown(name, str(value), accepted)
        for name in ("reduction", "kernel"):
            if isinstance(getattr(self, name), Integral):
                checked(name, getattr(self, name), int)
        if not _is_count(self.reduction):
            raise MartletError(
                f"reduction={self.reduction!r} is not accepted; give a whole number, 1 or more."
            )
        if not _is_count(self.kernel) or self.kernel % 2 == 0:
            raise MartletError(f"kernel={self.kernel!r} is not accepted; give an odd number.")
        for name in ("reduction", "kernel"):  # NumPy's integers as well
            object.__setattr__(self, name, int(getattr(self, name)))

    @classmethod
    def of(cls, value: "AttentionOption", placements: tuple[str, ...] = ()) -> "Attention | None":
        """`value` as Attention: "se" and "cbam" stand for the defaults, None and False for none.

        A mapping has the fields as keys. Raises MartletError for anything else, and for a
        placement that is neither "standard" nor in `placements`.
        """
        made: Attention | None
        if value is None or value is False:
            made = None
        elif isinstance(value, Attention):
            made = value
        elif isinstance(value, Mapping):
            accepted = tuple(field.name for field in fields(cls))
            for key in value:
                if key not in accepted:
                    raise unknown("attention option", str(key), accepted)
            if "kind" not in value:
                raise MartletError(
                    f"attention={dict(value)} has no kind; give one of {', '.join(get_args(Kind))}."
                )
            made = cls(**value)
        else:
            made = cls(value)  # type: ignore[arg-type]
        if made is not None and made.placement not in ("standard", *placements):
            raise unknown("placement", made.placement, ("standard", *placements))
        return made

    def build(self, channels: int) -> nn.Module:
        """The module for maps of `channels`; raises MartletError when r leaves no hidden unit."""
        hidden = channels // self.reduction
        if hidden < 1:
            raise MartletError(
                f"reduction={self.reduction} leaves no unit of {channels} channels; "
                f"give at most {channels}."
            )
        if self.kind == "se":
            gate = GATES[self.gate]
            return SqueezeExcite(channels, hidden, squeeze=self.squeeze, gate=gate)
        return CBAM(channels, hidden, order=self.order, kernel=self.kernel)


# What a network's option `attention` may be. None stands for the row's own, False for none at all.
AttentionOption = str | Mapping[str, Any] | Attention | Literal[False] | None


def _is_count(value: object) -> bool:
    return type(value) is not bool and isinstance(value, Integral) and int(value) >= 1


class SqueezeExcite(nn.Module):
    """Scale each channel by a gate made from all channels' means (section 3 of the paper).

    x · gate(fc2(act(fc1(mean(x))))); both layers have biases. `squeeze="max"` takes the largest
    value of each map instead of its mean. (batch, channels, height, width) -> the same shape.
    """

    def __init__(
        self,
        channels: int,
        hidden: int,
        *,
        squeeze: Squeeze = "avg",
        act: type[nn.Module] = nn.ReLU,
        gate: type[nn.Module] = nn.Sigmoid,
    ) -> None:
        super().__init__()
        self.squeeze = squeeze
        self.fc1 = nn.Conv2d(channels, hidden, 1)  # linear layers on maps of 1×1
        self.act = act()
        self.fc2 = nn.Conv2d(hidden, channels, 1)
        self.gate = gate()

    def forward(self, x: Tensor) -> Tensor:
        squeezed = (
            global_max(x, self.training) if self.squeeze == "max" else global_average(x, True)
        )
        return x * self.gate(_linear(self.act(_linear(squeezed, self.fc1)), self.fc2))


class ChannelGate(nn.Module):
    """CBAM's equation 2: sigmoid(MLP(mean(x)) + MLP(max(x))), one MLP for both.

    (batch, channels, height, width) -> (batch, channels, 1, 1).
    """

    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(x))

    def logits(self, x: Tensor) -> Tensor:
        """The gate before its sigmoid."""
        pooled = torch.cat((global_average(x, True), global_max(x, self.training)), dim=3)
        return _linear(torch.relu(_linear(pooled, self.fc1)), self.fc2).sum(3, True)


class SpatialGate(nn.Module):
    """CBAM's equation 3: sigmoid of a convolution over the channels' largest value and mean.

    The convolution has no bias and is batch-normalised, as in the authors' code.
    (batch, channels, height, width) -> (batch, 1, height, width).
    """

    def __init__(self, kernel: int = 7) -> None:
        super().__init__()
        self.conv = ConvBNAct(2, 1, kernel)
        self.conv.bn.momentum = 0.01  # as in the authors' code

    def forward(self, x: Tensor) -> Tensor:
        return torch.sigmoid(self.logits(x))

    def logits(self, x: Tensor) -> Tensor:
        """The gate before its sigmoid."""
        return self.conv(max_and_mean_of_channels(x, self.training))


class CBAM(nn.Module):
    """Both gates, one after the other either way round, or side by side (Table 3 of the paper).

    The authors' code has no form for side by side. Here what goes into the two sigmoids is added
    and goes into one, as in BAM by the same authors (arXiv 1807.06514); a sigmoid of the sum of two
    sigmoids could not leave 0.5 to 0.88.
    """

    def __init__(
        self, channels: int, hidden: int, *, order: Order = "channel_first", kernel: int = 7
    ) -> None:
        super().__init__()
        self.order = order
        self.channel = ChannelGate(channels, hidden)
        self.spatial = SpatialGate(kernel)

    def forward(self, x: Tensor) -> Tensor:
        if self.order == "parallel":
            return x * torch.sigmoid(self.channel.logits(x) + self.spatial.logits(x))
        if self.order == "spatial_first":
            x = x * self.spatial(x)
            return x * self.channel(x)
        x = x * self.channel(x)
        return x * self.spatial(x)


def _linear(x: Tensor, layer: nn.Conv2d) -> Tensor:
    """`layer(x)` for a 1×1 convolution of maps of a pixel or two.

    For a batch of 32, PyTorch 2.15 takes two to five times as long for the convolution as for the
    matrix product that it is. A compiler, or somebody who watches the layer, sees the convolution.
    """
    plain = type(layer) is nn.Conv2d and isinstance(x, Tensor) and not has_hooks(layer)
    if not plain or torch.compiler.is_compiling():
        y: Tensor = layer(x)
        return y
    y = F.linear(x.permute(0, 2, 3, 1), layer.weight.flatten(1), layer.bias)
    return y.permute(0, 3, 1, 2)
