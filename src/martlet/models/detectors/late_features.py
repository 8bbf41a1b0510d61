"""Two late maps of a network: one where its coarsest stage begins, one from its very end.

Detectors for phones look at these. MobileNetV2 (arXiv 1801.04381, section 6.2) and V3 (arXiv
1905.02244, section 6.3) put SSDLite on the wide maps of the block that strides to 32, before its
stride, and on the last maps before the pooling; torchvision puts its Faster R-CNN for phones on
what that block gives.
"""

from typing import Literal, Protocol, cast

import torch
from torch import Tensor, nn

from martlet.models.classifier import ImageClassifier, check_pictures
from martlet.models.features import FeatureExtractor, steps
from martlet.ops.bare import without_data

First = Literal["expansion", "block"]


class Expanding(Protocol):
    """A block of which the maps before its depthwise convolution can be had."""

    def expanded(self, x: Tensor) -> Tensor:
        """These maps."""

    def narrowed(self, wide: Tensor) -> Tensor:
        """What the block makes of them, without a shortcut."""


class LateFeatures(FeatureExtractor):
    """Maps (batch, in_chans, height, width) to two maps, whose `reductions` and `channels` it has.

    first: the expansion in the block that makes the coarsest resolution (where blocks expand
    nothing, the map that it gets), or what this block gives. Layers behind the last stage that
    still see maps are taken along. The modules keep their names, so that weights of the whole
    network fit.
    """

    def __init__(self, network: ImageClassifier, first: First) -> None:
        super().__init__(network, 2)
        for name in network.neck:
            module = getattr(network, name)
            if isinstance(module, nn.Linear):
                break
            if module is not None:
                self.add_module(name, module)
        fine, _ = self.feature_info.module_name()
        names = [name for name, _ in steps(self)]
        behind = names[names.index(fine) + 1]
        self.widened = first == "expansion" and hasattr(self.get_submodule(behind), "expanded")
        self.taken = behind if self.widened or first == "block" else fine
        finer, coarsest = self.feature_info.reduction()
        self.reductions = [coarsest if first == "block" else finer, coarsest]
        self.channels = self._channels()

    def _channels(self) -> list[int]:
        side = 4 * self.reduction
        x = torch.empty(1, self.in_chans, side, side, device="meta")
        with torch.no_grad():
            return [map_.shape[1] for map_ in without_data(self)(x)]

    def forward(self, x: Tensor) -> list[Tensor]:
        """Pictures to maps; raises MartletError for other channels or a side too small."""
        check_pictures(x, self.in_chans, self.reduction)
        maps = []
        for name, module in steps(self):
            if name == self.taken and self.widened:
                block = cast(Expanding, module)
                maps.append(block.expanded(x))
                x = block.narrowed(maps[0])
                continue
            x = module(x)
            if name == self.taken:
                maps.append(x)
        return [*maps, x]
