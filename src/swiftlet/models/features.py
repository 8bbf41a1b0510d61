"""A network without its head that returns the maps of several resolutions, for detectors."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from swiftlet.errors import SwiftletError
from swiftlet.models.classifier import ImageClassifier, check_pictures


@dataclass(frozen=True)
class Level:
    """One map: its channels, how often it is smaller than the picture, and whose output it is."""

    num_chs: int
    reduction: int
    module: str


class FeatureInfo(tuple[Level, ...]):
    """The levels of a `FeatureExtractor`, with the accessors that timm's has."""

    def channels(self) -> list[int]:
        """Channels of each level."""
        return [level.num_chs for level in self]

    def reduction(self) -> list[int]:
        """Side of the picture / side of the map, of each level."""
        return [level.reduction for level in self]

    def module_name(self) -> list[str]:
        """Dotted name of the module that puts out each level."""
        return [level.module for level in self]


class FeatureExtractor(nn.Module):
    """Maps (batch, in_chans, height, width) to a list of maps, from fine to coarse.

    A level is the last output at its resolution, before the layers that serve the classifier
    alone. `out_indices` picks levels; negative ones count from the coarsest. The modules keep their
    names, so that weights of the whole network fit.
    """

    feature_info: FeatureInfo

    def __init__(self, network: ImageClassifier, out_indices: Sequence[int] | None = None) -> None:
        super().__init__()
        self.in_chans, self.reduction = network.in_chans, network.reduction
        levels = _levels(network)
        chosen = range(len(levels)) if out_indices is None else out_indices
        accepted = range(-len(levels), len(levels))
        for index in chosen:
            if index not in accepted:
                raise SwiftletError(
                    f"out_indices={tuple(chosen)} asks for level {index}; there are "
                    f"{len(levels)}: 0 to {len(levels) - 1}."
                )
        if not chosen:
            raise SwiftletError("out_indices=() asks for no level; give one or more.")
        places = sorted({index % len(levels) for index in chosen})
        self.feature_info = FeatureInfo(levels[place] for place in places)
        self._wanted = set(self.feature_info.module_name())
        last = self.feature_info[-1].module
        for name, module in _steps(network):
            self._keep(name, module)
            if name == last:
                break

    def _keep(self, name: str, module: nn.Module) -> None:
        parent, _, child = name.rpartition(".")
        if not parent:
            self.add_module(name, module)
            return
        if not hasattr(self, parent):
            self.add_module(parent, nn.Sequential())
        self.get_submodule(parent).add_module(child, module)

    def forward(self, x: Tensor) -> list[Tensor]:
        """Pictures to maps; raises SwiftletError for other channels or a side too small."""
        check_pictures(x, self.in_chans, self.reduction)
        maps = []
        for name, module in _steps(self):
            x = module(x)
            if name in self._wanted:
                maps.append(x)
        return maps


def _steps(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """The modules of `forward_features` in the order of the calls, sequences opened."""
    head = {"dropout", "classifier", *getattr(network, "neck", ())}
    for name, child in network.named_children():
        if name in head:
            continue
        if type(child) is nn.Sequential:
            for number, step in child.named_children():
                yield f"{name}.{number}", step
        else:
            yield name, child


def _levels(network: ImageClassifier) -> list[Level]:
    """The last step at each resolution, found by running the shapes alone."""
    from copy import deepcopy

    side = 4 * network.reduction
    x = torch.empty(1, network.in_chans, side, side, device="meta")
    by_reduction: dict[int, Level] = {}
    with torch.no_grad():
        for name, module in _steps(deepcopy(network).to("meta").eval()):
            x = module(x)
            reduction = side // x.shape[-1]
            by_reduction[reduction] = Level(x.shape[1], reduction, name)
    return list(by_reduction.values())
