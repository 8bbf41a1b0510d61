"""What `train` decides before the first step: network, device, first weights, workers."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from martlet.data.pictures.batches import INIT, seed_torch
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError
from martlet.models import spec
from martlet.models.weights import torchvision
from martlet.training import checkpoint
from martlet.training.checkpoint import Network
from martlet.training.recipe import Recipe
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.train_options import TrainOptions

SMALL = 64  # sides of pictures up to here, in pixels, of which nothing is cropped off


def preprocess_for(
    image_size: int,
    resize: Literal["crop", "squash"],
    channels: Literal["RGB", "L"],
    known: Mapping[str, Any] | None = None,
) -> Preprocess:
    """The Preprocess of a new run; of small pictures nothing is cropped off at the border.

    `known` are settings of the weights that it starts from.
    """
    settings = {"crop_pct": 0.875} | dict(known or {})
    if image_size <= SMALL:
        settings["crop_pct"] = 1.0
    return Preprocess(size=image_size, rule=resize, channels=channels, **settings)


def known_settings(options: TrainOptions) -> dict[str, Any]:
    """How the pictures were prepared for the weights that training starts from."""
    if options.pretrained:
        return torchvision.preprocess(spec(options.model))
    if options.weights is None:
        return {}
    before = checkpoint.load_header(checkpoint_path(options.weights)).preprocess
    kept = ["interpolation"]
    if before.size > SMALL:
        kept.append("crop_pct")
    if before.channels == options.channels:
        kept += ["mean", "std"]
    return {name: getattr(before, name) for name in kept}


def known_options(weights: Path | None) -> Mapping[str, Any]:
    """The structure of the weights that training starts from, as options of their network."""
    if weights is None:
        return {}
    return checkpoint.load_header(checkpoint_path(weights)).network.options


def check_network(model: str, image_size: int, small_input: bool) -> None:
    """Raises MartletError for an unknown network or a picture too small for it."""
    row = spec(model)
    if row.input.kind != "image":
        raise MartletError(
            f"model={row.name!r} takes a {row.input.kind} of shape {row.input.shape}; training "
            "accepts networks that take pictures."
        )
    smallest = row.small_reduction if small_input else row.reduction
    if image_size < smallest:
        raise MartletError(
            f"image_size={image_size} is too small for {row.name}, which shrinks the picture "
            f"{smallest} times; give {smallest} or more."
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
