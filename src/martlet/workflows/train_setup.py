"""What `train` decides before the first step: network, device, first weights, workers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from martlet.data import kinds
from martlet.data.batches import INIT, seed_torch
from martlet.data.kind import AnyPreprocess
from martlet.data.pictures.kind import SMALL
from martlet.errors import MartletError
from martlet.models import spec
from martlet.models.weights import torchvision
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.training.recipe import Recipe
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.train_options import TrainOptions


def preprocess_for(options: TrainOptions) -> AnyPreprocess:
    """The Preprocess of a new run, for the kind of data that the network takes.

    Raises MartletError for a network of another kind than training accepts.
    """
    row = spec(options.model)
    if row.input.kind not in kinds.KINDS:
        accepted = ", ".join(kind.noun for kind in kinds.KINDS.values())
        raise MartletError(
            f"model={row.name!r} takes a {row.input.kind} of shape {row.input.shape}; training "
            f"accepts networks that take {accepted}."
        )
    before, known = None, {}
    if options.pretrained:
        known = torchvision.preprocess(row)
    elif options.weights is not None:
        before = checkpoint.load_header(checkpoint_path(options.weights)).preprocess
    return kinds.find(row.input.kind).prepare(options, before, known)


def is_small(options: TrainOptions) -> bool:
    """Whether the form for small pictures is taken when nothing is said of it."""
    return spec(options.model).input.kind == "image" and options.image_size <= SMALL


def known_options(weights: Path | None) -> Mapping[str, Any]:
    """The structure of the weights that training starts from, as options of their network."""
    if weights is None:
        return {}
    return checkpoint.load_header(checkpoint_path(weights)).network.options


def check_network(model: str, image_size: int, small_input: bool) -> None:
    """Raises MartletError when the pictures are too small for the network."""
    row = spec(model)
    smallest = row.small_reduction if small_input else row.reduction
    if image_size < smallest:
        raise MartletError(
            f"image_size={image_size} is too small for {row.name}, which shrinks the "
            f"picture {smallest} times; give {smallest} or more."
        )


def build(
    network: Network,
    recipe: Recipe,
    device: torch.device,
    weights: Path | None,
    pretrained: bool,
) -> nn.Module:
    """The network before its first step, on `device`, in channels-last memory (it is faster)."""
    if weights is not None and pretrained:
        raise MartletError("weights and pretrained cannot both be set; choose one.")
    seed_torch(recipe.seed, INIT)
    model = network.build(recipe.drop_rate, pretrained)
    if weights is not None:
        transfer(weights, model, network)
    return model.to(device).to(memory_format=torch.channels_last)


def transfer(path: Path, model: nn.Module, network: Network) -> None:
    """Copy the weights of another run; a classifier for other classes keeps its fresh ones."""
    trained, header = checkpoint.load_model(path)
    if header.network.name != network.name:
        raise MartletError(
            f"weights={path} holds {header.network.name}, not {network.name}; use "
            f"--model {header.network.name} or other weights."
        )
    tensors, wanted = trained.state_dict(), model.state_dict()
    if header.network.num_classes != network.num_classes:
        head = {
            k for k in wanted if wanted[k].shape != tensors[k].shape and k.startswith("classifier")
        }
        tensors |= {name: wanted[name] for name in head}
    checkpoint.load_weights(model, tensors, path, network.name)


def can_compile() -> bool:
    """Whether torch.compile works here: it needs a C++ compiler and Python's headers. Tried out."""
    try:
        torch.compile(torch.sin)(torch.ones(4))
    except Exception:  # of many kinds, none of them the user's mistake
        return False
    return True


def choose_workers(workers: int | None, device: torch.device) -> int:
    """Processes that prepare batches; on a CPU one is enough: the network is the slow part."""
    if workers is None:
        return 1 if device.type == "cpu" else min(8, max(1, (os.cpu_count() or 2) - 1))
    return workers
