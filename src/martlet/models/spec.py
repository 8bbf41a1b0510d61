"""What a row of a paper's table is, as plain data."""

from dataclasses import KW_ONLY, dataclass, replace
from typing import ClassVar

from martlet.errors import MartletError


@dataclass(frozen=True)
class ImageInput:
    """A picture as a network takes it."""

    channels: int = 3
    height: int = 224
    width: int = 224
    kind: ClassVar[str] = "image"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(channels, height, width)."""
        return self.channels, self.height, self.width


@dataclass(frozen=True)
class CubeInput:
    """A window of a hyperspectral scene; its bands are an axis to convolve along."""

    channels: int  # bands
    height: int = 25
    width: int = 25
    kind: ClassVar[str] = "cube"

    @property
    def shape(self) -> tuple[int, int, int, int]:
        """(1, bands, height, width)."""
        return 1, self.channels, self.height, self.width


@dataclass(frozen=True)
class SeriesInput:
    """A window of a recording of several sensors."""

    channels: int  # sensors
    length: int  # moments
    kind: ClassVar[str] = "series"

    @property
    def shape(self) -> tuple[int, int, int]:
        """(1, length, channels)."""
        return 1, self.length, self.channels


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
    params: int  # for the `num_classes` and the channels of `input` given here
    macs: int  # multiply-adds of convolutions and linear layers for `input`, batch 1
    _: KW_ONLY
    paper: Printed = NOT_PRINTED
    note: str = ""  # why our numbers are not the printed ones
    aliases: tuple[str, ...] = ()
    weights: Weights | None = None
    input: ImageInput | CubeInput | SeriesInput = ImageInput()
    num_classes: int = 1000
    drop_rate: float = 0.0  # unless `create_model` is given another
    reduction: int = 32  # side of the input / side of the last map
    small_reduction: int = 8  # the same with small_input=True


def input_shape(
    row: Spec,
    image_size: int | None = None,
    in_chans: int | None = None,
    window: int | None = None,
) -> tuple[int, ...]:
    """Shape of one input of `row`'s network, without the batch; `window` is the side of a cube.

    Raises MartletError when an image size is given for a network that takes no pictures.
    """
    given = row.input if in_chans is None else replace(row.input, channels=in_chans)
    if isinstance(given, CubeInput) and window is not None:
        given = replace(given, height=window, width=window)
    if image_size is None:
        return given.shape
    if isinstance(given, ImageInput):
        return given.channels, image_size, image_size
    raise MartletError(
        f"image_size={image_size} does not fit {row.name}, which takes a {given.kind} of shape "
        f"{given.shape}; leave it out."
    )


def check_network(row: Spec, side: int, small_input: bool, option: str = "image_size") -> None:
    """Raises MartletError when the inputs' side, which `option` says, is too small for it."""
    smallest = row.small_reduction if small_input else row.reduction
    if side < smallest:
        raise MartletError(
            f"{option}={side} is too small for {row.name}, which shrinks its input {smallest} "
            f"times; give {smallest} or more."
        )


@dataclass(frozen=True)
class AtSize:
    """What a paper prints about one of its networks for pictures of another size."""

    name: str  # of the row
    side: int  # of the square picture, in pixels
    paper: Printed


def as_number(printed: str) -> float:
    """ "146M" -> 146e6, "2.3M" -> 2.3e6, "1.2B" -> 1.2e9, "5,122,176" -> 5122176."""
    units = {"M": 1e6, "B": 1e9, "G": 1e9}
    if printed[-1] not in units:
        return float(printed.replace(",", ""))
    return float(printed[:-1]) * units[printed[-1]]
