"""A ShuffleNet for recordings of several sensors, such as those of a phone that is carried along.

There is no paper. The network is known from code for the recognition of human activities, and this
file is its definition:

    depthwise (k × 1), pointwise 1 → 64,    batch normalisation, ReLU, shuffle of 8 groups
    depthwise (k × 1), pointwise 64 → 128,  batch normalisation, ReLU, shuffle of 8 groups
    depthwise (k × 1), pointwise 128 → 256, batch normalisation, ReLU, shuffle of 16 groups
    depthwise (k × 1), pointwise 256 → 512, batch normalisation, ReLU, shuffle of 16 groups
    the mean over time for each sensor, one linear layer over all sensors

Kernels run along time alone, with stride 2, and all convolutions have biases. So no convolution
mixes sensors; the linear layer does. The first depthwise convolution sees one channel, so that all
64 channels behind it are one filter's output, scaled; `stem="full"` has 64 filters instead.

Differences from that code:

- The average pool is a mean over time, the same number as its adaptive pool to (1, sensors), for
  recordings of any length. Test: torch's adaptive pool.
- Weights start from He's normal law over the fan-out of each group, biases at zero, as in the other
  ShuffleNets here; the code keeps PyTorch's start. Test: the deviation of each layer's weights.
- `shuffle=False` leaves the shuffles out. Test: the order of the channels.
- `width`, `stem="full"`, `sensors="mixed"` and the rows that use them are this project's. Mixed:
  the sensors are the channels of the first convolution, which has a filter for each, so that all
  pointwise convolutions mix them; maps are then one number wide. Test: params, by formula.
"""

from dataclasses import dataclass
from typing import Literal

from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.models.classifier import Classifier
from martlet.models.spec import SeriesInput, Spec
from martlet.ops.conv import initialise
from martlet.ops.shuffle import channel_shuffle
from martlet.ops.tracing import is_recorded

CHANNELS = (64, 128, 256, 512)
GROUPS = (8, 8, 16, 16)  # of the shuffle behind each unit
SMALL, EIGHT = (24, 32, 48, 64), (8, 8, 8, 8)  # of mixed sensors
SHORTEST = 2 ** len(CHANNELS)  # moments of a recording, which each unit halves
WIDEST = 16

PHONE = SeriesInput(9, 128)  # sensors and moments

Stem = Literal["separable", "full"]
Sensors = Literal["apart", "mixed"]


@dataclass(frozen=True, kw_only=True)
class Variant(Spec):
    """Nine sensors and six classes, as UCI's "Human Activity Recognition Using Smartphones" has."""

    input: SeriesInput = PHONE
    num_classes: int = 6
    reduction: int = SHORTEST  # length of the input / of the last map
    width: float = 1.0  # multiplies CHANNELS
    stem: Stem = "separable"
    sensors: Sensors = "apart"
    kernel: int = 3  # moments under each kernel
    channels: tuple[int, ...] = CHANNELS
    groups: tuple[int, ...] = GROUPS


VARIANTS = (
    Variant("shufflenet_series", 204_426, 16_747_200),
    Variant("shufflenet_series_x0_5", 59_210, 4_245_696, width=0.5),
    Variant("shufflenet_series_x2_0", 752_906, 66_522_816, width=2.0),
    Variant("shufflenet_series_full", 204_550, 16_819_200, stem="full"),
    Variant(
        "shufflenet_series_mixed",
        7_164,
        99_136,
        sensors="mixed",
        kernel=5,
        channels=SMALL,
        groups=EIGHT,
    ),
)


class SeriesUnit(nn.Module):
    """(batch, in_channels, length, sensors) -> (batch, out_channels, ceil(length / 2), sensors).

    Separable: a depthwise convolution along time, a pointwise one; otherwise one convolution along
    time that does both. Then batch normalisation, ReLU and the shuffle.
    """

    def __init__(
        self, in_channels: int, out_channels: int, kernel: int, groups: int, separable: bool
    ) -> None:
        """groups: of the shuffle; 1 leaves the channels where they are."""
        super().__init__()
        along_time = nn.Conv2d(
            in_channels,
            in_channels if separable else out_channels,
            (kernel, 1),
            stride=(2, 1),
            padding=(kernel // 2, 0),
            groups=in_channels if separable else 1,
        )
        pointwise = [nn.Conv2d(in_channels, out_channels, 1)] if separable else []
        self.layers = nn.Sequential(
            along_time, *pointwise, nn.BatchNorm2d(out_channels), nn.ReLU(inplace=True)
        )
        self.groups = groups

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.layers(x)
        return channel_shuffle(y, self.groups) if self.groups > 1 else y


class ShuffleNetSeries(Classifier):
    """Maps (batch, 1, length, sensors) to logits (batch, num_classes)."""

    def __init__(
        self,
        variant: Variant,
        in_chans: int,
        kernel: int,
        width: float,
        stem: Stem,
        shuffle: bool = True,
    ) -> None:
        super().__init__()
        if kernel < 1 or kernel % 2 == 0:
            raise MartletError(f"kernel={kernel} is not accepted; give an odd number.")
        self.in_chans, self.mixed = in_chans, variant.sensors == "mixed"
        units, channels = [], in_chans if self.mixed else 1
        bases = zip(variant.channels, variant.groups, strict=True)
        for number, (base, groups) in enumerate(bases):
            wanted = widened(base, groups, width)
            separable = number > 0 or stem == "separable"
            shuffled = groups if shuffle else 1
            units.append(SeriesUnit(channels, wanted, kernel, shuffled, separable))
            channels = wanted
        self.units = nn.Sequential(*units)
        self.num_features = channels
        initialise(self)
        for module in self.modules():
            if isinstance(module, nn.Conv2d) and module.bias is not None:
                nn.init.zeros_(module.bias)

    @property
    def head_hidden_size(self) -> int:
        """Each sensor's mean of each channel; of mixed ones a mean of each."""
        return self.num_features * (1 if self.mixed else self.in_chans)

    def forward_features(self, x: Tensor) -> Tensor:
        """Recordings to maps, (batch, num_features, ceil(length / 16), sensors, or 1 if mixed)."""
        features: Tensor = self.units(x.transpose(1, 3) if self.mixed else x)
        return features

    def pool(self, features: Tensor) -> Tensor:
        """The mean over time: (batch, num_features · sensors), the sensors of a channel in turn."""
        return features.mean(2).flatten(1)

    def forward(self, x: Tensor) -> Tensor:
        """Recordings to logits; raises MartletError for other sensors or too short a one."""
        if not is_recorded(x):
            check_series(x, self.in_chans)
        return self.forward_head(self.forward_features(x))


def widened(channels: int, groups: int, width: float) -> int:
    """`width` times the channels to the nearest multiple of the groups, ties up.

    Raises MartletError when that leaves no channel.
    """
    least = groups / channels / 2
    if not least <= width <= WIDEST:
        raise MartletError(
            f"width={width} is not accepted; give {least}, which leaves a channel in each group "
            f"of the shuffle, to {WIDEST}."
        )
    return int(channels * width / groups + 0.5) * groups


def check_series(x: Tensor, sensors: int) -> None:
    """Raises MartletError when `x` is no batch of recordings that such a network takes."""
    if x.dim() != 4 or x.shape[1] != 1 or x.shape[3] != sensors or x.shape[2] < SHORTEST:
        raise MartletError(
            f"the input has shape {tuple(x.shape)}; accepted: (batch, 1, length, {sensors}) with a "
            f"length of {SHORTEST} or more and {sensors} sensors."
        )


def build(
    variant: Variant,
    *,
    in_chans: int,
    kernel: int | None = None,
    width: float | None = None,
    stem: Stem | None = None,
    shuffle: bool = True,
) -> ShuffleNetSeries:
    """The network of a row with fresh weights; the other options are the row's if not given."""
    return ShuffleNetSeries(
        variant,
        in_chans,
        variant.kernel if kernel is None else kernel,
        variant.width if width is None else width,
        variant.stem if stem is None else stem,
        shuffle,
    )
