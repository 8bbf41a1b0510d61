"""HybridSN: 3-D–2-D CNN Feature Hierarchy for Hyperspectral Image Classification.

Roy, Krishna, Dubey and Chaudhuri, IEEE GRSL 17(2), 2020 (arXiv 1902.06701). Layers are those of
Table I, bands those of its experiments: principal components of the scene, 30 of Indian Pines
and 15 of the others. A window of the scene gives the class of the pixel in its middle.

Differences from the paper and from the authors' code (a Keras notebook):

- A cube is (1, bands, height, width) here and (height, width, bands, 1) in Keras. A kernel that
  Table I calls 3×3×7 lies 7×3×3: seven bands by three rows by three columns. The convolutions are
  the same ones. Test: the network by Keras's order of the axes.
- The 3-D maps become 2-D ones, and the 2-D ones a vector, channels first here and channels last in
  Keras; the inputs of the layers behind are the same in another order, which matters for weights
  from Keras alone. docs/hybridsn.md brings them in order. Test: that page's code.
- Logits come out; the authors' network ends in a softmax. Test: the network by Keras's order.
- Weights start as Keras starts them where the notebook says nothing: Glorot's uniform law, biases
  zero. PyTorch's own start differs. Test: the range of each layer's weights.
- `convolutions` is ours: "2d" and "3d" set apart what the paper's title joins. With "2d" the first
  three convolutions are 3 × 3 over all bands, with as many maps as channels and bands make in the
  paper's; with "3d" the fourth one is left out. The paper's Table II has other authors' networks
  in their place. Test: layers of each form; a scene at once.
- Any window from 9 × 9 and any number of bands from 13 is accepted; Table IV has windows of 19, 21,
  23 and 25. Test: the smallest window, one less.
"""

from itertools import pairwise
from typing import Literal, get_args

import torch.nn.functional as F
from torch import Tensor, nn

from martlet.errors import MartletError, unknown
from martlet.models.classifier import Classifier
from martlet.models.spec import CubeInput, Printed, Spec
from martlet.ops.tracing import is_recorded

KERNELS = ((7, 3, 3), (5, 3, 3), (3, 3, 3))  # bands, rows, columns of the 3-D convolutions
TAKEN = (6, 10, 12)  # bands, by each of them and those before it
CHANNELS = (8, 16, 32)  # they put out; none is padded
MAPS, HIDDEN, LAST = 64, 256, 128  # of the 2-D convolution, of the two dense layers
FEWEST_BANDS = 13  # the 3-D convolutions take 12 bands
SMALLEST_WINDOW = 9  # the four convolutions take 8 rows and 8 columns
DROP_RATE = 0.4
Convolution = nn.Conv2d | nn.Conv3d
Convolutions = Literal["hybrid", "2d", "3d"]


# fmt: off
VARIANTS = (
    Spec("hybridsn", 5_122_176, 247_683_392, input=CubeInput(30), num_classes=16,
         drop_rate=DROP_RATE, paper=Printed(params="5,122,176", source="Table I")),
    Spec("hybridsn_pavia_university", 4_844_793, 50_821_176, input=CubeInput(15), num_classes=9,
         drop_rate=DROP_RATE),
    Spec("hybridsn_salinas", 4_845_696, 50_822_072, input=CubeInput(15), num_classes=16,
         drop_rate=DROP_RATE),
)
# fmt: on


class HybridSN(Classifier):
    """Maps (batch, 1, bands, window, window) to logits (batch, num_classes)."""

    def __init__(
        self, bands: int, window: int = 25, *, convolutions: Convolutions = "hybrid"
    ) -> None:
        super().__init__()
        if convolutions not in get_args(Convolutions):
            raise unknown("convolutions", str(convolutions), get_args(Convolutions))
        if bands < FEWEST_BANDS:
            raise MartletError(
                f"in_chans={bands} is too small; the convolutions along the bands need "
                f"{FEWEST_BANDS} or more."
            )
        if window < SMALLEST_WINDOW:
            raise MartletError(
                f"window={window} is too small; the convolutions need {SMALLEST_WINDOW} or more."
            )
        self.in_chans, self.window = bands, window
        self.convolutions = convolutions
        # Maps of each layer: channels by the bands that are left there.
        maps = [c * (bands - t) for c, t in zip(CHANNELS, TAKEN, strict=True)]
        if convolutions == "2d":
            first: list[Convolution] = [
                nn.Conv2d(before, after, 3) for before, after in pairwise((bands, *maps))
            ]
        else:
            first = [
                nn.Conv3d(before, after, kernel)
                for before, after, kernel in zip(
                    (1, *CHANNELS[:-1]), CHANNELS, KERNELS, strict=True
                )
            ]
        self.conv1, self.conv2, self.conv3 = first
        self.conv4 = nn.Conv2d(maps[-1], MAPS, 3) if convolutions != "3d" else None
        self.num_features = maps[-1] if self.conv4 is None else MAPS
        side = self.side
        self.fc1 = nn.Linear(self.num_features * side * side, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, LAST)
        for layer in self.children():
            glorot(layer)

    @property
    def layers(self) -> tuple[Convolution, ...]:
        """The convolutions, each of which takes two rows and two columns."""
        all_four = (self.conv1, self.conv2, self.conv3, self.conv4)
        return tuple(layer for layer in all_four if layer is not None)

    @property
    def side(self) -> int:
        """Rows and columns of the maps that a window becomes."""
        return self.window - 2 * len(self.layers)

    @property
    def head_hidden_size(self) -> int:
        """Of the last dense layer."""
        return LAST

    def forward_features(self, x: Tensor) -> Tensor:
        """Cubes to maps, (batch, num_features, side, side); 64 of 17 × 17 as the paper has it."""
        if self.convolutions == "2d":
            x = x.flatten(1, 2)
        x = F.relu(self.conv1(x))  # (batch, 8, 24, 23, 23) for a cube of 30 × 25 × 25
        x = F.relu(self.conv2(x))  # (batch, 16, 20, 21, 21)
        x = F.relu(self.conv3(x))  # (batch, 32, 18, 19, 19)
        if self.convolutions != "2d":
            x = x.flatten(1, 2)  # (batch, 576, 19, 19)
        return x if self.conv4 is None else F.relu(self.conv4(x))

    def pool(self, features: Tensor) -> Tensor:
        """Maps to (batch, 128) through the two dense layers, with dropout after the first."""
        hidden = self.dropout(F.relu(self.fc1(features.flatten(1))))
        return F.relu(self.fc2(hidden))

    def forward(self, x: Tensor) -> Tensor:
        """Cubes to logits; raises MartletError for another number of bands or another window."""
        accepted = (1, self.in_chans, self.window, self.window)
        if not is_recorded(x) and tuple(x.shape[1:]) != accepted:
            raise MartletError(
                f"the input has shape {tuple(x.shape)}; accepted: (batch, "
                f"{', '.join(map(str, accepted))}), which is (batch, 1, bands, window, window)."
            )
        return self.forward_head(self.forward_features(x))

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a fresh classifier in place; the rest of the network keeps its weights."""
        super().reset_classifier(num_classes, global_pool)
        glorot(self.classifier)


def glorot(layer: nn.Module) -> None:
    """Draw fresh weights from ±sqrt(6 / (fan in + fan out)), and zero the biases, as Keras does."""
    if isinstance(layer, nn.Conv2d | nn.Conv3d | nn.Linear) and not layer.weight.is_meta:
        nn.init.xavier_uniform_(layer.weight)
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)


def build(
    variant: Spec, *, in_chans: int, window: int = 25, convolutions: Convolutions = "hybrid"
) -> HybridSN:
    """The network of a row with fresh weights; `window` is the side of a cube in pixels.

    `convolutions`: "hybrid" as the paper, or "2d" or "3d" alone.
    """
    return HybridSN(in_chans, window, convolutions=convolutions)
