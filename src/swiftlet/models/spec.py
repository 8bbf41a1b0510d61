"""What a row of a paper's table is, as plain data."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class ImageInput:
    """A picture as a network takes it."""

    channels: int = 3
    height: int = 224
    width: int = 224

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class Printed:
    """What a paper prints about a network, letter by letter: "146M", "2.3M"; error in percent."""

    macs: str | None = None
    params: str | None = None
    top1_error: float | None = None  # ImageNet-1k, single centre crop
    source: str = ""  # the table, when it is not the one the file's docstring names
    with_classifier: bool = True  # whether the printed MACs count the last linear layer


NOT_PRINTED = Printed()


@dataclass(frozen=True)
class Weights:
    """Weights trained on ImageNet-1k by somebody else."""

    library: str
    name: str  # as the library calls them
    top1: float  # accuracy in percent that the library states
    resize: int  # short side in pixels before the centre crop to 224, for that accuracy
    licence: str


@dataclass(frozen=True)
class Spec:
    """One network: its name, its exact cost, and what the paper says of it."""

    name: str
    params: int  # 1000 classes, 3 channels
    macs: int  # multiply-adds of convolutions and linear layers for `input`, batch 1
    paper: Printed = field(default=NOT_PRINTED, kw_only=True)
    note: str = field(default="", kw_only=True)  # why our numbers are not the printed ones
    aliases: tuple[str, ...] = field(default=(), kw_only=True)
    weights: Weights | None = field(default=None, kw_only=True)
    input: ImageInput = field(default=ImageInput(), kw_only=True)
    reduction: int = field(default=32, kw_only=True)  # side of the input / side of the last map
    small_reduction: int = field(default=8, kw_only=True)  # the same with small_input=True


def as_number(printed: str) -> float:
    """ "146M" -> 146e6, "2.3M" -> 2.3e6, "1.2B" -> 1.2e9."""
    units = {"M": 1e6, "B": 1e9, "G": 1e9}
    return float(printed[:-1]) * units[printed[-1]]
