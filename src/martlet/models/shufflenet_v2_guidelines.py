"""The stacks of layers behind ShuffleNet V2's four guidelines (arXiv 1807.11164, Tables 1 to 4).

Each is ten blocks on maps of 56 × 56, of the same multiply-adds within a guideline. They are no
classifiers and are not among the networks of `list_models`; `martlet reproduce` times them.

What the paper leaves open, and is chosen here:

- Convolutions stand alone, without batch normalisation, and without activation but in G4: an
  exported network has none of the former, and the latter is what G4 asks about.
- G1: "the first contains c1 input channels and c2 output channels, and the second otherwise".
- G2: eight groups do not divide the 180 channels that are printed for an ARM core; 184 are the
  nearest that they do. Test: MACs.
- G3: fragments in series are convolutions behind each other, in parallel their sum; with n of them
  the channels are those of one, divided by the root of n, for equal multiply-adds. Test: MACs.
- G4: the bottleneck of ResNet's unit is a quarter of its channels; the shortcut is the identity.
  Without ReLU all of its three activations are left out. Test: operators, by count.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from math import sqrt

from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.ops.shuffle import channel_shuffle

BLOCKS, SIDE = 10, 56


@dataclass(frozen=True)
class G1:
    """Table 1: two 1×1 convolutions, `first` to `second` channels and back."""

    first: int
    second: int

    @property
    def channels(self) -> int:
        """Of the input."""
        return self.first

    def block(self) -> nn.Module:
        """One of the ten."""
        return nn.Sequential(
            _pointwise(self.first, self.second), _pointwise(self.second, self.first)
        )


@dataclass(frozen=True)
class G2:
    """Table 2: a 1×1 convolution in groups; `shuffled` adds a channel shuffle, which it has not."""

    channels: int
    groups: int
    shuffled: bool = False

    def __post_init__(self) -> None:
        if self.groups < 1 or self.channels % self.groups:
            raise MartletError(
                f"groups={self.groups} do not divide channels={self.channels}; give a multiple."
            )

    def block(self) -> nn.Module:
        """One of the ten."""
        conv = _pointwise(self.channels, self.channels, self.groups)
        return nn.Sequential(conv, Shuffle(self.groups)) if self.shuffled else conv


@dataclass(frozen=True)
class G3:
    """Table 3: as many 1×1 convolutions, in series or in parallel; `whole` channels of a single."""

    whole: int
    fragments: int
    parallel: bool = False

    @property
    def channels(self) -> int:
        """Of each convolution."""
        return round(self.whole / sqrt(self.fragments))

    def block(self) -> nn.Module:
        """One of the ten."""
        layers = [_pointwise(self.channels, self.channels) for _ in range(self.fragments)]
        return Sum(layers) if self.parallel else nn.Sequential(*layers)


@dataclass(frozen=True)
class G4:
    """Table 4: ResNet's bottleneck unit with or without its ReLUs and its shortcut."""

    channels: int
    relu: bool = True
    shortcut: bool = True

    def __post_init__(self) -> None:
        if isinstance(self.channels, int) and self.channels < 4:
            raise MartletError(
                f"channels={self.channels} leave no bottleneck of a quarter; give 4 or more."
            )

    def block(self) -> nn.Module:
        """One of the ten."""
        return Bottleneck(self.channels, self.relu, self.shortcut)


Guideline = G1 | G2 | G3 | G4
BY_NAME: dict[str, type[Guideline]] = {"g1": G1, "g2": G2, "g3": G3, "g4": G4}


def make_guideline(name: str, **sizes: int | bool) -> Guideline:
    """A guideline's stack as data; raises MartletError for what is no stack of the paper's kind."""
    if name not in BY_NAME:
        raise MartletError(f"stack={name!r} is not known; give one of {', '.join(BY_NAME)}.")
    try:
        signature(BY_NAME[name]).bind(**sizes)
    except TypeError as error:
        accepted = ", ".join(BY_NAME[name].__dataclass_fields__)
        raise MartletError(
            f"stack={name!r} does not take {', '.join(sizes) or 'nothing'}; it has {accepted}."
        ) from error
    for word, value in sizes.items():
        of_flag = word in ("shuffled", "parallel", "relu", "shortcut")
        if type(value) is not (bool if of_flag else int):
            raise MartletError(
                f"stack={name!r}: {word}={value!r} is not accepted; give "
                f"{'true or false' if of_flag else 'a whole number'}."
            )
    if any(value < 1 for value in sizes.values() if not isinstance(value, bool)):
        raise MartletError(f"stack={name!r} with {sizes} has no channel; give 1 or more.")
    return BY_NAME[name](**sizes)  # type: ignore[arg-type]


class Stack(nn.Module):
    """Ten blocks; (batch, channels, 56, 56) to the same shape."""

    def __init__(self, guideline: Guideline) -> None:
        super().__init__()
        self.num_classes = guideline.channels  # outputs, as a classifier calls them
        self.shape = (guideline.channels, SIDE, SIDE)
        self.blocks = nn.Sequential(*(guideline.block() for _ in range(BLOCKS)))

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.blocks(x)
        return y


class Sum(nn.Module):
    """Layers side by side, added up."""

    def __init__(self, layers: Sequence[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def forward(self, x: Tensor) -> Tensor:
        first, *others = self.layers
        y: Tensor = first(x)
        for layer in others:
            y = y + layer(x)
        return y


class Bottleneck(nn.Module):
    """1×1, 3×3, 1×1; ReLU behind each, the last behind the addition."""

    def __init__(self, channels: int, relu: bool, shortcut: bool) -> None:
        super().__init__()
        hidden = channels // 4
        self.reduce = _pointwise(channels, hidden)
        self.filter = nn.Conv2d(hidden, hidden, 3, padding=1, bias=False)
        self.expand = _pointwise(hidden, channels)
        self.act = nn.ReLU() if relu else nn.Identity()
        self.shortcut = shortcut

    def forward(self, x: Tensor) -> Tensor:
        y = self.act(self.reduce(x))
        y = self.expand(self.act(self.filter(y)))
        activated: Tensor = self.act(x + y if self.shortcut else y)
        return activated


class Shuffle(nn.Module):
    """A channel shuffle as a layer."""

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        return channel_shuffle(x, self.groups)


def _pointwise(in_channels: int, out_channels: int, groups: int = 1) -> nn.Conv2d:
    return nn.Conv2d(in_channels, out_channels, 1, groups=groups, bias=False)
