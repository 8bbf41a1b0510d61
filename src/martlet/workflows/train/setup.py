"""What `train` decides before the first step: network, device, first weights, workers."""

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from martlet import tasks
from martlet.arguments import parameters_of
from martlet.data import kinds
from martlet.data.balance import class_weights
from martlet.data.batches import INIT, seed_torch
from martlet.data.boxes.kind import BOXES
from martlet.data.kind import AnyPreprocess, Kind
from martlet.data.loader import Loader
from martlet.data.pictures.kind import PICTURES, SMALL
from martlet.data.scenes.kind import SCENES, window_side
from martlet.errors import MartletError
from martlet.measuring.cost import cost
from martlet.memory import available_bytes, require_memory
from martlet.models.spec import CubeInput, Spec
from martlet.models.weights import torchvision
from martlet.only_for import limited, refuse_others
from martlet.training.accumulation import turn_of
from martlet.training.batch_norm import set_momentum
from martlet.training.checkpoint import Header, Network
from martlet.training.optimizer import state_fields
from martlet.training.recipe import Recipe
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.start import Start


def preprocess_for(row: Spec, options: TrainOptions, start: Start) -> AnyPreprocess:
    """The Preprocess of a new run, for the kind of data that the network takes.

    Raises MartletError for a network of another kind than training accepts, and for options that
    another kind has.
    """
    kind = kind_of(row, options)
    if kind not in kinds.KINDS:
        accepted = ", ".join(kind.data for kind in kinds.KINDS.values())
        raise MartletError(
            f"model={row.name!r} takes a {row.input.kind} of shape {row.input.shape}; training "
            f"accepts networks that take {accepted}."
        )
    check_options(row, options, kinds.find(kind))
    before = None if start.header is None else start.header.preprocess
    known = torchvision.preprocess(row) if start.pretrained else {}
    if kind == SCENES.name:
        cubes = isinstance(row.input, CubeInput)
        known = {"planes": not cubes} | ({"components": row.input.channels} if cubes else {})
    return kinds.find(kind).prepare(options, before, known)


def kind_of(row: Spec, options: TrainOptions) -> str:
    """The kind of data that a run reads: a network of pictures also takes scenes with labels, and
    pictures with boxes.
    """
    of_pictures = row.input.kind == PICTURES.name
    if of_pictures and options.labels is not None:
        return SCENES.name
    return BOXES.name if of_pictures and options.boxes is not None else row.input.kind


def check_options(row: Spec, options: TrainOptions, kind: Kind) -> None:
    """Raises MartletError for an option that was given and is for other kinds of data alone."""
    of_pictures = row.input.kind == PICTURES.name  # such networks also take scenes
    steps = [] if of_pictures else ["give a network of pictures as model"]
    if options.boxes is not None and options.labels is None:
        steps += ["leave boxes out"] if of_pictures else []
    elif of_pictures or options.labels is not None:
        steps += ["leave labels out"]
    ways = {
        "pictures": ", and ".join(steps),
        "scenes": "give a scene's label map as labels"
        if of_pictures
        else "give a network of scenes as model, such as hybridsn",
        "recordings": "give a network of recordings as model, such as shufflenet_series",
        "boxes": "give annotations as boxes" if of_pictures else "",
    }
    given = limited(parameters_of(TrainOptions), vars(options), options.given)
    refuse_others(given, data=kind.data, taker=row.name, ways=ways)


def side_option(kind: str) -> str:
    """The option that says the size of an input of this kind of data."""
    return "image_size" if kind in (PICTURES.name, BOXES.name) else "window"


def is_small(row: Spec, options: TrainOptions, start: Start) -> bool:
    """Whether the form for small pictures is taken: as asked, as the weights', or by the size."""
    if options.boxes is not None:
        return False  # its maps would be too fine, and too many
    side = options.image_size if options.labels is None else window_side(options)
    usual = row.input.kind == PICTURES.name and side <= SMALL
    if start.header is not None and not start.by_name:
        usual = start.header.network.small_input
    return usual if options.small_input is None else options.small_input


def build(network: Network, recipe: Recipe, pretrained: bool = False) -> nn.Module:
    """The network before its first step; without published weights they follow from the seed."""
    seed_torch(recipe.seed, INIT)
    return network.build(recipe.drop_rate, pretrained)


def training_bytes(network: Network, shape: tuple[int, ...], recipe: Recipe, batch: int) -> int:
    """Memory that training needs at least, for inputs of `shape` on a CPU.

    Weights, their gradients and what the optimiser keeps of each; and what the convolutions put
    out for each picture of a step, which the backward pass reads.
    """
    with torch.device("meta"):
        model = network.build()
    once = cost(model, (1, *shape))
    value_bytes = 4 if recipe.precision == "float32" else 2
    copies = 2 + len(state_fields(recipe) - {"step"})
    return 4 * copies * once.params + batch * value_bytes * once.activations


def check_memory(
    data: Path,
    network: Network,
    preprocess: AnyPreprocess,
    options: TrainOptions,
    device: torch.device,
    processes: int = 1,
) -> None:
    """Raises MartletError when a step does not fit into memory, before anything is read."""
    available, shape = available_bytes(), preprocess.shape
    batch = options.batch_size // processes
    needed = training_bytes(network, shape, options, batch)  # also refuses what cannot be built
    if device.type == "cpu" and available is not None and needed > available:
        with suppress(MartletError):  # said where it is read, which knows a list's columns
            batch = min(batch, len(kinds.find(preprocess.kind).find([data])))  # all that there are
        require_memory(
            training_bytes(network, shape, options, batch),
            f"a step of {batch} inputs of {shape[-1]}×{shape[-2]} with {network.name}",
            f"give a smaller {side_option(preprocess.kind)} or batch_size",
        )


def place(model: nn.Module, device: torch.device, steps: int) -> nn.Module:
    """The network on `device`, for so many steps; of pictures in channels-last memory: faster."""
    set_momentum(model, steps)
    if any(parameter.dim() > 4 for parameter in model.parameters()):
        return model.to(device)
    return model.to(device).to(memory_format=torch.channels_last)


def weights_of_classes(
    header: Header, targets: NDArray[Any], indices: Sequence[int]
) -> torch.Tensor | None:
    """Weights (classes,) for the loss, from the training samples; None where it has none.

    Raises MartletError when classes are to be balanced and the task has none.
    """
    balance, task = header.recipe.balance, tasks.find(header.task)
    if balance != "none" and task.weighted_loss is None:
        raise MartletError(
            f"balance={balance!r} is for tasks with classes, and {task.name} has none; leave it "
            "out."
        )
    if balance != "weights":
        return None
    labels = targets[np.asarray(indices)]
    return torch.from_numpy(class_weights(labels, len(header.classes)))


def told(header: Header, model: nn.Module, batches: Loader) -> Iterator[str]:
    """What is trained, and how, for the start of a run."""
    network, recipe = header.network, header.recipe
    form = ", form for small pictures" if network.small_input else ""
    options = "".join(f", {name} {value}" for name, value in sorted(network.options.items()))
    params = sum(parameter.numel() for parameter in model.parameters())
    device = next(model.parameters()).device
    name = f"{network.name}{form}{options}"
    yield f"{name}: {params:,} params, {len(header.classes)} outputs, {device}"
    steps, several = len(batches), ""
    if recipe.accumulate > 1:
        steps = turn_of(0, steps, recipe.accumulate).per_epoch
        several = f"{recipe.accumulate} × "
    own = f" (matrices {recipe.muon_lr:.3g})" if recipe.optimizer == "muon" else ""
    if recipe.epochs:
        yield (
            f"{recipe.epochs} epochs of {steps} steps of {several}{batches.batch_size}, "
            f"{recipe.optimizer}, lr {recipe.lr:.3g}{own}, seed {recipe.seed}"
        )
    frozen = sum(p.numel() for p in model.parameters() if not p.requires_grad)
    if frozen:
        yield f"frozen: {frozen:,} params of {params:,}"
    cores = os.cpu_count() or batches.workers
    if batches.workers > cores:
        yield f"workers={batches.workers} is more than the cores here ({cores})"


def can_compile() -> bool:
    """Whether torch.compile works here: it needs a C++ compiler and Python's headers. Tried out."""
    try:
        torch.compile(torch.sin)(torch.ones(4))
    except Exception:  # of many kinds, none of them the user's mistake
        return False
    return True


def choose_workers(workers: int | None, device: torch.device, processes: int = 1) -> int:
    """Processes that prepare batches; on a CPU one is enough: the network is the slow part.

    processes: that train together on this machine, each with workers of its own.
    """
    if workers is None:
        cores = (os.cpu_count() or 2) // processes
        return 1 if device.type == "cpu" else min(8, max(1, cores - 1))
    return workers
