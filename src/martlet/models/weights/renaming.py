"""Other libraries' tensors under our names, and the check that every one of them fits.

Each library has a file beside this one with two names: FAMILIES says how the library calls the
modules of our networks, `preprocess` how its pictures are prepared. Names decide, never the order
of the tensors; what is no name (a padding, where a stride sits) is set by options of our networks.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import torch
from torch import Tensor, nn

from martlet.errors import MartletError, quoted, unknown
from martlet.models.classifier import Classifier, ImageClassifier
from martlet.models.detectors import make_detector
from martlet.models.spec import Spec
from martlet.models.table import build, spec

LIBRARIES = ("pytorchcv", "shufflenet_authors", "timm", "torchvision")

State = Mapping[str, Tensor]
Rule = tuple[str, str]


@dataclass(frozen=True)
class Family:
    """How a library calls the modules of some of our networks.

    `networks` are patterns of our names; `names` are pairs (the library's name of a network as a
    regular expression, ours). `marker` is a tensor that only files of this family have. `rules` are
    pairs (their module as a regular expression, our module); the first that fits the whole name
    counts. Before that, blocks are put into place: `units` fits the beginning of their names, and
    `place` gets the number of the block, counted through the network, and the numbers in `units`.
    `options` tells from our name and the renamed tensors what `create_model` needs to build the
    library's structure. `zeros` are biases of ours that the library does without. `adapt` puts
    channels into our order, in place.
    """

    networks: tuple[str, ...]
    rules: tuple[Rule, ...]
    names: tuple[Rule, ...] = ()
    marker: str = ""
    units: str = ""
    place: Callable[..., str] = lambda number, *_: f"blocks.{number}"
    options: Callable[[str, State], dict[str, Any]] = lambda name, state: {}
    zeros: tuple[str, ...] = ()
    adapt: Callable[[dict[str, Tensor], Classifier], None] | None = None


@dataclass(frozen=True)
class Converted:
    """A network of ours that computes what the library's network does."""

    name: str
    num_classes: int
    in_chans: int
    options: dict[str, Any]  # for `create_model`
    state: dict[str, Tensor]
    preprocess: dict[str, Any]  # how the library prepares pictures: settings of a Preprocess

    def build(self) -> nn.Module:
        """The network with the weights, in eval mode."""
        network = self.fresh()
        network.load_state_dict(self.state)
        return network.eval()

    def fresh(self) -> nn.Module:
        """The network, a `Classifier` or a `Detector`, with fresh weights."""
        options = dict(self.options)
        detector = options.pop("detector", None)
        network: Classifier = build(
            self.name, num_classes=self.num_classes, in_chans=self.in_chans, **options
        )
        if detector is None:
            return network
        assert isinstance(network, ImageClassifier)
        return make_detector(detector, network, self.num_classes)


def conv_bn(prefix: str, conv: str, bn: str, ours: str) -> tuple[Rule, Rule]:
    """The rules of a convolution and of the batch normalisation behind it.

    Their names are `prefix` and `conv` or `bn`; ours are the children of a ConvBNAct.
    """
    return (prefix + conv, f"{ours}.conv"), (prefix + bn, f"{ours}.bn")


def convert(state: State, library: str, name: str) -> Converted:
    """The tensors of another library's `state_dict`, renamed for our network `name`.

    `name` may be the library's name of it. The classifier may have any number of classes, the
    first convolution any number of channels. Raises MartletError when the library has no such
    network, or when tensors are missing, left over, or of another shape than the network's.
    """
    file = file_of(library)
    family, row = find(name, library, file.FAMILIES, state)
    return fitted(state, library, family, row)


def file_of(library: str) -> Any:
    """The module of a library: its FAMILIES and `preprocess`. MartletError with the closest."""
    if library not in LIBRARIES:
        raise unknown("library", library, LIBRARIES)
    return import_module(f"martlet.models.weights.{library}")


def fitted(state: State, library: str, family: Family, row: Spec) -> Converted:
    """`convert` for a family and a row of its networks; MartletError for tensors that misfit."""
    renamed, left_over = rename(state, family)
    whole = {key: tensor for key, tensor in renamed.items() if tensor.dim() and tensor.numel()}
    asked = family.options(row.name, whole)
    options = {key: value for key, value in asked.items() if getattr(row, key, None) != value}
    network = _on_meta(row.name, whole, options)
    expected = network.state_dict()
    renamed = {key: torch.zeros(expected[key].shape) for key in family.zeros} | renamed
    ours = {key: _fit(tensor, expected.get(key)) for key, tensor in renamed.items()}
    for key, tensor in expected.items():
        if key.endswith("num_batches_tracked"):  # old files lack it; it decides nothing
            ours.setdefault(key, torch.zeros(tensor.shape, dtype=tensor.dtype))
    if problems := misfits(ours, expected, left_over):
        raise MartletError(f"the weights are not those of {library}'s {row.name}: {problems}.")
    if family.adapt is not None:
        family.adapt(ours, network)
    return Converted(
        name=row.name,
        num_classes=network.num_classes,
        in_chans=first_convolution(network)[1].in_channels,
        options=options,
        state=ours,
        preprocess=file_of(library).preprocess(row),
    )


def find(
    name: str, library: str, families: tuple[Family, ...], state: State
) -> tuple[Family, Spec]:
    """The library's family and our row of the network `name`, which may be the library's name.

    Raises MartletError when there is no such network, or the library has none like it.
    """
    theirs = [
        (family, spec(match.expand(ours)))
        for family in families
        for pattern, ours in family.names
        if (match := re.fullmatch(pattern, name))
    ]
    row = theirs[0][1] if theirs else spec(name)
    found = theirs or [
        (family, row)
        for family in families
        if any(fnmatchcase(row.name, pattern) for pattern in family.networks)
    ]
    if not found:
        patterns = sorted({pattern for family in families for pattern in family.networks})
        raise MartletError(
            f"no weights of {library} are known for {row.name}; accepted: {', '.join(patterns)}."
        )
    marked = [pair for pair in found if pair[0].marker in (*state, "")]
    return (marked or found)[0]


def rename(state: State, family: Family) -> tuple[dict[str, Tensor], list[str]]:
    """Tensors under our names, and the names that no rule fits or whose place is taken."""
    modules = {key: key.rpartition(".")[0] for key in state}
    places = _places(family, modules.values())
    renamed, left_over = {}, []
    for key, tensor in state.items():
        module = _ours(modules[key], family, places)
        ours = f"{module}.{key.rpartition('.')[2]}"
        if module is None or ours in renamed:
            left_over.append(key)
        else:
            renamed[ours] = tensor
    return renamed, left_over


def misfits(found: State, expected: State, left_over: Sequence[str] = ()) -> str:
    """What keeps `found` from being loaded, as "2 missing (such as 'a.weight'), …"; "" for nothing.

    `left_over` are further tensors that are not expected.
    """
    reshaped = [
        f"{quoted(key)}, {tuple(found[key].shape)} instead of {tuple(tensor.shape)}"
        for key, tensor in expected.items()
        if key in found and found[key].shape != tensor.shape
    ]
    problems = (
        (list(map(quoted, sorted(expected.keys() - found.keys()))), "missing"),
        (list(map(quoted, sorted([*(found.keys() - expected.keys()), *left_over]))), "unexpected"),
        (reshaped, "of another shape"),
    )
    return ", ".join(f"{len(keys)} {what} (such as {keys[0]})" for keys, what in problems if keys)


def first_convolution(network: nn.Module) -> tuple[str, nn.Conv2d]:
    """Name and module of the convolution that sees the picture."""
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            return name, module
    raise MartletError("the network has no convolution.")


def _places(family: Family, modules: Iterable[str]) -> dict[str, str]:
    """For the name of each of the library's blocks, that of ours."""
    if not family.units:
        return {}
    found = {match[0]: match for module in modules if (match := re.match(family.units, module))}
    numbers = {unit: [int(group) for group in match.groups()] for unit, match in found.items()}
    in_order = sorted(found, key=lambda unit: numbers[unit])
    return {unit: family.place(i, *numbers[unit]) for i, unit in enumerate(in_order)}


def _ours(module: str, family: Family, places: Mapping[str, str]) -> str | None:
    """Our name of their module; None when no rule fits."""
    if places and (match := re.match(family.units, module)):
        module = places[match[0]] + module[match.end() :]
    for pattern, replacement in family.rules:
        if match := re.fullmatch(pattern, module):
            return match.expand(replacement)
    return None


def _on_meta(name: str, renamed: State, options: dict[str, Any]) -> Classifier:
    """Our network without memory, with as many classes and channels as the weights have."""
    with torch.device("meta"):
        network: Classifier = build(name, **options)
        key, first = first_convolution(network)
        classifier, seen = renamed.get("classifier.weight"), renamed.get(f"{key}.weight")
        classes = network.num_classes if classifier is None else len(classifier)
        channels = first.in_channels if seen is None or seen.dim() < 2 else seen.shape[1]
        if (classes, channels) != (network.num_classes, first.in_channels):
            network = build(name, num_classes=classes, in_chans=channels, **options)
    return network


def _fit(tensor: Tensor, expected: Tensor | None) -> Tensor:
    """In single precision; a linear layer's weight as that of a 1×1 convolution, or back."""
    tensor = tensor.float() if tensor.is_floating_point() else tensor
    if expected is not None and _trimmed(tensor) == _trimmed(expected):
        return tensor.reshape(expected.shape)
    return tensor


def _trimmed(tensor: Tensor) -> list[int]:
    """The shape without the ones at its end."""
    sides = list(tensor.shape)
    while sides and sides[-1] == 1:
        sides.pop()
    return sides
