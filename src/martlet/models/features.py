"""A network without its head that returns the maps of several resolutions, for detectors."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any, overload

import torch
from torch import Tensor, nn

from martlet.arguments import checked
from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier, check_pictures
from martlet.ops.bare import without_data


@dataclass(frozen=True)
class Level:
    """One map: its channels, how often it is smaller than the picture, and whose output it is."""

    num_chs: int
    reduction: int
    module: str
    index: int  # from fine to coarse

    def __getitem__(self, field: str) -> Any:
        """The field of this name, as in timm's dicts; raises KeyError when there is none."""
        return asdict(self)[field]


class FeatureInfo(Sequence[Level]):
    """All levels of a network and which of them come out, with the accessors that timm's has.

    These tell the levels that come out, or those of `idx`: one number, or several, counted over
    all levels.
    """

    def __init__(self, levels: Sequence[Level], out_indices: Sequence[int]) -> None:
        self.levels, self.out_indices = tuple(levels), tuple(out_indices)

    @overload
    def __getitem__(self, index: int) -> Level: ...

    @overload
    def __getitem__(self, index: slice) -> tuple[Level, ...]: ...

    def __getitem__(self, index: int | slice) -> Level | tuple[Level, ...]:
        return self.levels[index]

    def __len__(self) -> int:
        return len(self.levels)

    def get(self, key: str, idx: int | Sequence[int] | None = None) -> Any:
        """The field `key` of the levels, a list; of a single one by itself when `idx` is one."""
        if isinstance(idx, int):
            return self[idx][key]
        return [self[place][key] for place in (self.out_indices if idx is None else idx)]

    def get_dicts(
        self, keys: Sequence[str] | None = None, idx: int | Sequence[int] | None = None
    ) -> Any:
        """The levels as dicts of the fields `keys`, by default all; one for a single `idx`."""
        wanted = [field.name for field in fields(Level)] if keys is None else keys
        if isinstance(idx, int):
            return {key: self[idx][key] for key in wanted}
        places = self.out_indices if idx is None else idx
        return [{key: self[place][key] for key in wanted} for place in places]

    def channels(self, idx: int | Sequence[int] | None = None) -> Any:
        """Channels of each level."""
        return self.get("num_chs", idx)

    def reduction(self, idx: int | Sequence[int] | None = None) -> Any:
        """Side of the picture / side of the map, of each level."""
        return self.get("reduction", idx)

    def module_name(self, idx: int | Sequence[int] | None = None) -> Any:
        """Dotted name of the module that puts out each level."""
        return self.get("module", idx)


class FeatureExtractor(nn.Module):
    """Maps (batch, in_chans, height, width) to a list of maps, from fine to coarse.

    A level is the last output at its resolution, before the layers that serve the classifier
    alone. `out_indices` picks levels; negative ones count from the coarsest, and one number n is
    the n coarsest. The modules keep their names, so that weights of the whole network fit.
    """

    feature_info: FeatureInfo

    def __init__(
        self, network: ImageClassifier, out_indices: int | Sequence[int] | None = None
    ) -> None:
        super().__init__()
        levels = _levels(network)
        self.feature_info = FeatureInfo(levels, _places(out_indices, len(levels)))
        self.in_chans = network.in_chans
        self.reduction = self.feature_info.reduction()[-1]
        self._wanted = set(self.feature_info.module_name())
        last = self.feature_info.module_name()[-1]
        for name, module in steps(network):
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
        """Pictures to maps; raises MartletError for other channels or a side too small."""
        check_pictures(x, self.in_chans, self.reduction)
        maps = []
        for name, module in steps(self):
            x = module(x)
            if name in self._wanted:
                maps.append(x)
        return maps


def _places(out_indices: int | Sequence[int] | None, levels: int) -> list[int]:
    """The levels that `out_indices` asks for, from fine to coarse; MartletError for others."""
    given = checked("out_indices", out_indices, int | Sequence[int] | None)
    if given is None:
        return list(range(levels))
    chosen = range(-given, 0) if isinstance(given, int) else given
    for index in chosen:
        if not -levels <= index < levels:
            raise MartletError(
                f"out_indices={given} asks for level {index}; there are {levels}: "
                f"0 to {levels - 1}."
            )
    if not chosen:
        raise MartletError(f"out_indices={given} asks for no level; give one or more.")
    return sorted({index % levels for index in chosen})


def steps(network: nn.Module) -> Iterator[tuple[str, nn.Module]]:
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


def reductions(network: ImageClassifier) -> list[tuple[str, int]]:
    """Each step, and side of the picture / side of the map that it puts out."""
    return [(name, reduction) for name, reduction, _ in _outputs(network)]


def _outputs(network: ImageClassifier) -> Iterator[tuple[str, int, int]]:
    """Each step's name, reduction and channels, found by running the shapes alone."""
    side = 4 * network.reduction
    x = torch.empty(1, network.in_chans, side, side, device="meta")
    with torch.no_grad():
        for name, module in steps(without_data(network)):
            x = module(x)
            yield name, side // x.shape[-1], x.shape[1]


def _levels(network: ImageClassifier) -> list[Level]:
    """The last step at each resolution."""
    last = {reduction: (channels, name) for name, reduction, channels in _outputs(network)}
    found = enumerate(last.items())
    return [Level(channels, side, name, index) for index, (side, (channels, name)) in found]
