"""What training starts from: fresh weights, those of another run, or published ones."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from martlet.data.class_names import one_form
from martlet.errors import MartletError
from martlet.models.spec import Spec
from martlet.models.table import find, own_options, spec
from martlet.training import checkpoint
from martlet.training.checkpoint import Header, Network
from martlet.workflows.convert import OthersWeights, read_others
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.train_options import TrainOptions

USUAL = "shufflenet_v2_x1_0"  # the network when neither a name nor weights are given


@dataclass(frozen=True)
class Start:
    """The weights that training starts from.

    path, header: of a checkpoint, or of another library's weights; None without them.
    others: another library's weights, as a checkpoint has them.
    pretrained: published weights, downloaded when the network is built.
    """

    path: Path | None = None
    header: Header | None = None
    others: OthersWeights | None = None
    pretrained: bool = False

    @property
    def published(self) -> bool:
        """Whether the weights are others', mostly learnt from a million pictures."""
        return self.pretrained or (self.header is not None and self.header.trained is None)


@dataclass(frozen=True)
class Loaded:
    """What a network was given: a sentence, and a hash of the tensors ("" for fresh ones)."""

    told: str
    digest: str = ""


def start_of(options: TrainOptions) -> Start:
    """Raises MartletError for weights that are not there, and for two kinds of them."""
    if options.weights is None:
        return Start(pretrained=options.pretrained)
    if options.pretrained:
        raise MartletError("weights and pretrained cannot both be set; choose one.")
    path = checkpoint_path(options.weights)
    if checkpoint.is_ours(path):
        return Start(path, checkpoint.load_header(path))
    others = read_others(path, model=options.model)
    return Start(path, others.header, others)


def network_name(options: TrainOptions, start: Start) -> str:
    """The network that is asked for, or that of the weights; MartletError when they differ."""
    given = None if start.header is None else start.header.network.name
    name = given or USUAL if options.model is None else spec(options.model).name
    if given not in (None, name):
        raise MartletError(
            f"weights={options.weights} holds {given}, not {name}; leave --model out, or give "
            "other weights."
        )
    return name


def network_options(options: TrainOptions, row: Spec, start: Start) -> dict[str, Any]:
    """What `create_model` needs beside name and sizes: as asked, and as the weights have it.

    Raises MartletError for an option that the network does not have, and for one that makes another
    function of the weights; attention is added to them.
    """
    asked = options.network_options
    given = own_options(find(row.name)[0], row, asked)
    if start.header is None:
        return given
    before = dict(start.header.network.options)
    for name in asked:
        if name != "attention" and given.get(name) != before.get(name):
            raise MartletError(
                f"model_options: {name}={asked[name]!r} is not what {options.weights} was trained "
                "with; leave it out, or train without weights."
            )
    return before | given


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
    fresh = model.state_dict()
    same = list(map(one_form, header.classes)) == list(map(one_form, classes))
    head = [name for name in fresh if name.startswith("classifier.")]
    digest = _digest(tensors)
    added = [name for name in fresh if "attention." in name and name not in tensors]
    tensors |= {name: fresh[name] for name in added}
    if not same:
        tensors |= {name: fresh[name] for name in head}
    checkpoint.load_weights(model, tensors, start.path, network.name)
    count = len(tensors) - len(added) - (0 if same else len(head))
    told = f"weights: {count} tensors of {start.path}"
    if start.others is not None:
        told = f"weights: {count} tensors of {header.origin}"
        told = "; ".join([told, *start.others.told])
    if added:
        told += f"; {len(added)} of attention are new"
    if same:
        return Loaded(f"{told}, with its classifier: the classes are the same", digest)
    known = ", ".join(header.classes[:3]) + (", …" if len(header.classes) > 3 else "")
    return Loaded(f"{told}; the classifier is new, since that of the weights knows {known}", digest)


def _digest(tensors: dict[str, Tensor]) -> str:
    total = hashlib.blake2b(digest_size=8)
    for name, tensor in tensors.items():
        total.update(name.encode())
        total.update(tensor.contiguous().numpy().tobytes())
    return total.hexdigest()
