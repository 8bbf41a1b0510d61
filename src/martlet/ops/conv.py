"""Convolution, batch normalisation and activation as one block, and how channels are rounded."""

from torch import Tensor, nn

from martlet.ops.norm import activate, batch_norm

Activation = type[nn.ReLU | nn.ReLU6 | nn.Hardswish]


class ConvBNAct(nn.Module):
    """Convolution without bias -> batch normalisation -> activation (children conv, bn, act).

    `kernel` is odd; the padding keeps the size at stride 1 and halves it, rounded up, at stride 2.
    `act` is a class such as `nn.ReLU`, or None: then there is no child `act`. Maps (batch,
    in_channels, height, width) to (batch, out_channels, ceil(height/stride), ceil(width/stride)).
    """

    act: nn.Module | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int = 1,
        *,
        stride: int = 1,
        groups: int = 1,
        dilation: int = 1,
        act: Activation | None = None,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            in_channels,
            out_channels,
            kernel,
            stride=stride,
            padding=kernel // 2 * dilation,
            dilation=dilation,
            groups=groups,
            bias=False,
        )
        self.bn = nn.BatchNorm2d(out_channels)
        if act is None:
            self.act = None
        else:
            self.act = act(inplace=True)

    def forward(self, x: Tensor) -> Tensor:
        x = batch_norm(self.conv(x), self.bn)
        return x if self.act is None else activate(x, self.act)


def pointwise(
    in_channels: int,
    out_channels: int,
    *,
    groups: int = 1,
    act: Activation | None = None,
) -> ConvBNAct:
    """A 1×1 convolution with batch normalisation."""
    return ConvBNAct(in_channels, out_channels, 1, groups=groups, act=act)


def depthwise(
    channels: int,
    kernel: int = 3,
    *,
    stride: int = 1,
    dilation: int = 1,
    act: Activation | None = None,
) -> ConvBNAct:
    """A convolution of each channel by itself, with batch normalisation."""
    return ConvBNAct(
        channels, channels, kernel, stride=stride, groups=channels, dilation=dilation, act=act
    )


def make_divisible(value: float, divisor: int = 8) -> int:
    """`value` rounded to a multiple of `divisor`, ties up, and never below 90 % of `value`.

    The rounding of the MobileNet authors' code (TF-slim).
    """
    rounded = max(divisor, int(value + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * value else rounded


def initialise(network: nn.Module) -> None:
    """Draw fresh weights for all convolutions: He's normal law over the fan-out of a group.

    Biases start at 0: the few hidden units of an attention would be dead with negative ones.
    """
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            fan_out = module.weight[0, 0].numel() * module.out_channels // module.groups
            draw(module.weight, (2.0 / fan_out) ** 0.5)
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def draw(weight: Tensor, deviation: float) -> None:
    """Fill `weight` from N(0, deviation²); a tensor on the meta device has nothing to fill."""
    if not weight.is_meta:  # and torch takes a second to find that out by itself
        nn.init.normal_(weight, 0.0, deviation)
