"""How the weights that training starts from come into its network."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from torch import Tensor, nn

from martlet.data.class_names import one_form
from martlet.errors import MartletError
from martlet.models.classifier import ImageClassifier
from martlet.models.detectors import Detector
from martlet.models.weights import renaming
from martlet.models.weights.torchvision import to_channels
from martlet.tasks.detection.task import DETECTION
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.workflows.train.start import Start


@dataclass(frozen=True)
class Loaded:
    """What a network was given: a sentence, and a hash of the tensors ("" for fresh ones)."""

    told: str
    digest: str = ""


def load_start(start: Start, model: nn.Module, network: Network, classes: Sequence[str]) -> Loaded:
    """Copy the weights of `start` into `model`; say what was taken.

    The classifier is taken too when its classes are these `classes`, by name and in this order;
    for others a fresh one is right, even when there are as many.
    """
    if start.pretrained:
        return Loaded(f"weights: torchvision's {network.name}, its classifier of these classes new")
    if start.path is None or start.header is None:
        return Loaded("weights: fresh")
    if start.others is None:
        trained, header = checkpoint.load_model(start.path)
        tensors = trained.state_dict()
    else:
        tensors, header = dict(start.others.state), start.header
    if isinstance(model, Detector) and header.task != DETECTION.name:
        return _as_backbone(model, tensors, start)
    fresh = model.state_dict()
    same = list(map(one_form, header.classes)) == list(map(one_form, classes))
    answering = model.answering if isinstance(model, Detector) else ("classifier.",)
    head = [name for name in fresh if name.startswith(answering)]
    digest = _digest(tensors)
    added = [name for name in fresh if "attention." in name and name not in tensors]
    tensors |= {name: fresh[name] for name in added}
    if not same:
        tensors |= {name: fresh[name] for name in head}
    adapted = _adapt_channels(tensors, model)
    checkpoint.load_weights(model, tensors, start.path, network.name)
    count = len(tensors) - len(added) - (0 if same else len(head))
    told = f"weights: {count} tensors of {start.path}"
    if start.others is not None:
        told = f"weights: {count} tensors of {header.origin}"
        told = "; ".join([told, *start.others.told])
    told = f"{start.told}\n{told}" if start.told else told
    told += f"; {adapted}" if adapted else ""
    if added:
        told += f"; {len(added)} of attention are new"
    if same:
        return Loaded(f"{told}, with its classifier: the classes are the same", digest)
    known = ", ".join(header.classes[:3]) + (", …" if len(header.classes) > 3 else "")
    return Loaded(f"{told}; the classifier is new, since that of the weights knows {known}", digest)


def _as_backbone(model: Detector, tensors: dict[str, Tensor], start: Start) -> Loaded:
    """Weights of a network of classes into the backbone of a detector; its head has no place."""
    adapted = _adapt_channels(tensors, model)
    fresh = model.state_dict()
    own = {name: f"backbone.{name}" for name in tensors if f"backbone.{name}" in fresh}
    odd = [name for name, place in own.items() if tensors[name].shape != fresh[place].shape]
    missing = [
        name for name in fresh
        if name.startswith("backbone.") and name.removeprefix("backbone.") not in tensors
    ]  # fmt: skip
    if odd or missing:
        first = (odd or missing)[0]
        raise MartletError(
            f"{start.path} does not fit the backbone: {first!r} is missing or has another shape; "
            "give weights of the same network and form."
        )
    model.load_state_dict(fresh | {place: tensors[name] for name, place in own.items()})
    told = f"weights: {len(own)} tensors of {start.path} for the backbone; neck and head are new"
    told = f"{start.told}\n{told}" if start.told else told
    return Loaded(f"{told}; {adapted}" if adapted else told, _digest(tensors))


def _adapt_channels(tensors: dict[str, Tensor], model: nn.Module) -> str:
    """Fit the first filters to the channels of the network's pictures; a sentence on it, or "".

    Gray pictures get the answers that they got as RGB ones of three equal channels.
    """
    if not isinstance(model, (ImageClassifier, Detector)):
        return ""
    name, first = renaming.first_convolution(model)
    name = name.removeprefix("backbone.")
    weight = tensors.get(f"{name}.weight")
    if weight is None or weight.dim() != 4 or weight.shape[1] == first.in_channels:
        return ""
    before = weight.shape[1]
    tensors[f"{name}.weight"] = to_channels(weight, first.in_channels)
    how = "summed" if first.in_channels == 1 else "repeated and scaled"
    return f"the first filters, for {before} channels, are {how} for {first.in_channels}"


def _digest(tensors: dict[str, Tensor]) -> str:
    total = hashlib.blake2b(digest_size=8)
    for name, tensor in tensors.items():
        total.update(name.encode())
        total.update(tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
