"""The stages of a network, from its input on: what is frozen, or trained at a lower rate."""

from dataclasses import dataclass

from torch import nn

from martlet.models.classifier import Classifier, ImageClassifier
from martlet.models.features import reductions, steps

STEM, NECK = "stem", "neck"
HEAD = ("dropout", "classifier")


@dataclass(frozen=True)
class Stage:
    """Modules of a network that stand next to each other, none inside another."""

    name: str
    modules: tuple[str, ...]


def stages(network: Classifier) -> list[Stage]:
    """All but the classifier, each module with weights in one stage, in the order of the calls.

    The first is the stem. Of networks of pictures follow their sequences of blocks, under their
    own names, or, where all blocks are one sequence, "stage1" and so on: a stage for each size of
    the maps; behind them the neck, layers that serve the classifier alone. Of other networks each
    layer, or block, is a stage under its own name.
    """
    named = _of_pictures(network) if isinstance(network, ImageClassifier) else _of_steps(network)
    behind = [name for name, _ in network.named_children() if name in getattr(network, "neck", ())]
    if behind:
        named.append((NECK, behind))
    made = [Stage(name, tuple(_with_weights(network, modules))) for name, modules in named]
    return [stage for stage in made if stage.modules]


def _of_steps(network: Classifier) -> list[tuple[str, list[str]]]:
    names = [name for name, module in steps(network) if any(True for _ in module.parameters())]
    return [(name if number else STEM, [name]) for number, name in enumerate(names)]


def _of_pictures(network: ImageClassifier) -> list[tuple[str, list[str]]]:
    sizes = reductions(network)
    parents = [name.partition(".")[0] for name, _ in sizes]
    stem = parents[0]
    sequences = {name.partition(".")[0] for name, _ in sizes if "." in name} - {stem}
    found: list[tuple[str, list[str]]] = [(STEM, [])]
    sizes_of_stages: list[int] = []
    for (name, reduction), parent in zip(sizes, parents, strict=True):
        if parent in sequences and len(sequences) > 1:
            if found[-1][0] != parent:
                found.append((parent, []))
        elif parent in sequences and (not sizes_of_stages or reduction != sizes_of_stages[-1]):
            sizes_of_stages.append(reduction)
            found.append((f"stage{len(sizes_of_stages)}", []))
        found[-1][1].append(name)
    return found


def _with_weights(network: nn.Module, modules: list[str]) -> list[str]:
    return [name for name in modules if any(True for _ in network.get_submodule(name).parameters())]
