"""The teacher of a run: loaded, held to the run's classes and inputs, and put to its device."""

import copy
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from martlet.data import kinds
from martlet.data.class_names import one_form
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.series.preprocess import SeriesPreprocess
from martlet.errors import MartletError
from martlet.tasks.detection.task import DETECTION
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.distillation import Teacher
from martlet.training.progressive import side_at
from martlet.workflows.open_network import checkpoint_path
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.tiles import through

OF_TEACHERS = ("distill_weight", "distill_temperature")


@dataclass(frozen=True)
class Taught:
    """The teacher, a hash of its tensors, and a sentence; nothing where there is none."""

    teacher: Teacher | None = None
    digest: str = ""
    told: str = ""


def learn_from(options: TrainOptions, header: Header, device: torch.device) -> Taught:
    """The teacher that the options name, for a network of this header.

    Raises MartletError for one of other classes or other inputs, for what is no network, and for
    options of a teacher without one.
    """
    given = options.teacher
    if given is None:
        for name in OF_TEACHERS:
            if name in options.given:
                raise MartletError(
                    f"{name}={getattr(options, name)} is for a run with a teacher; give one, or "
                    "leave it out."
                )
        return Taught()
    if header.task == DETECTION.name:
        raise MartletError(
            f"teacher={given} answers with classes, and boxes are learnt here; leave it out."
        )
    if isinstance(given, Path):
        teacher, said = _of_checkpoint(given, header), str(given)
    elif isinstance(given, nn.Module):
        teacher, said = _of_module(given, header), type(given).__name__
    else:
        raise MartletError(
            f"teacher={given!r} is not accepted; give a run folder, its model.safetensors, or an "
            "nn.Module."
        )
    tensors = teacher.model.state_dict()
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            raise MartletError(
                f"teacher={said}: {name} is NaN or infinite, so its weights are damaged; give "
                "another one."
            )
    digest = _digest(tensors)
    recipe = header.recipe
    told = (
        f"teacher: {said}, {recipe.distill_weight:.0%} of the loss, temperature "
        f"{recipe.distill_temperature:g}"
    )
    return Taught(_placed(teacher, device), digest, told)


def _of_checkpoint(given: Path, header: Header) -> Teacher:
    model, its = checkpoint.load_model(checkpoint_path(given))
    theirs, ours = list(map(one_form, its.classes)), list(map(one_form, header.classes))
    if its.task != header.task or sorted(theirs) != sorted(ours):
        raise MartletError(
            f"teacher={given} knows the classes {_listed(its.classes)}, and these data have "
            f"{_listed(header.classes)}; give one that was trained on the same classes."
        )
    order = None if theirs == ours else torch.tensor([theirs.index(name) for name in ours])
    mine, other = header.preprocess, its.preprocess
    teacher = Teacher(through(model), order=order)
    if mine == other:
        return teacher
    if isinstance(mine, Preprocess) and isinstance(other, Preprocess):
        if mine.channels != other.channels:
            raise _other_inputs(given, f"channels {other.channels}", f"{mine.channels} here")
        side = None if other.size == mine.size else other.size
        return replace(_renormalised(teacher, mine, other, (-1, 1, 1)), side=side)
    if isinstance(mine, SeriesPreprocess) and isinstance(other, SeriesPreprocess):
        names = ("channels", "window", "rate")
        if all(getattr(mine, name) == getattr(other, name) for name in names):
            return _renormalised(teacher, mine, other, (-1,))
        raise _other_inputs(given, "other channels, window or rate", "those of these data")
    kind = kinds.find(other.kind)
    raise _other_inputs(given, f"{kind.data} in its own way", "what this run prepares")


def _other_inputs(given: Path, theirs: str, ours: str) -> MartletError:
    return MartletError(
        f"teacher={given} takes {theirs}, not {ours}; give one that was trained on such inputs."
    )


def _renormalised(
    teacher: Teacher,
    mine: Preprocess | SeriesPreprocess,
    other: Preprocess | SeriesPreprocess,
    shape: tuple[int, ...],
) -> Teacher:
    """For inputs of mean and deviation of `mine`; shape: of a value a channel, beside inputs."""
    if (mine.mean, mine.std) == (other.mean, other.std):
        return teacher
    values = [(mine.mean, mine.std), (other.mean, other.std)]
    (mean, std), (its_mean, its_std) = [
        [torch.tensor(each, dtype=torch.float64) for each in pair] for pair in values
    ]
    scale, shift = std / its_std, (mean - its_mean) / its_std
    return replace(teacher, scale=scale.float().view(shape), shift=shift.float().view(shape))


def _of_module(given: nn.Module, header: Header) -> Teacher:
    """A copy of the caller's module, which is tried out: it must answer with a logit a class."""
    model = copy.deepcopy(given).cpu().eval()
    shape, start = header.preprocess.shape, header.recipe.progressive
    _try_out(model, shape, header, "")
    if start < 1:
        side = side_at(shape[-1], 0.0, start)
        way = f", with which progressive={start:g} begins; leave progressive out"
        _try_out(model, (*shape[:-2], side, side), header, way)
    return Teacher(model)


def _try_out(model: nn.Module, shape: Sequence[int], header: Header, way: str) -> None:
    """Raises MartletError where two inputs are not answered with a logit a class each."""
    name, outputs = type(model).__name__, len(header.classes)
    try:
        with torch.no_grad():
            answers = model(torch.zeros(2, *shape))
    except Exception as error:  # of whatever the module does
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise MartletError(
            f"teacher={name} does not take inputs of shape (2, {', '.join(map(str, shape))})"
            f"{way}: {reason}."
        ) from error
    found = tuple(answers.shape) if isinstance(answers, Tensor) else type(answers).__name__
    if found != (2, outputs):
        raise MartletError(
            f"teacher={name} answers two inputs with {found}, not with logits of shape (2, "
            f"{outputs}): one for each of {_listed(header.classes)}, in this order."
        )


def _placed(teacher: Teacher, device: torch.device) -> Teacher:
    def moved(tensor: Tensor | None) -> Tensor | None:
        return None if tensor is None else tensor.to(device)

    model = teacher.model.requires_grad_(False).eval().to(device)
    if all(parameter.dim() <= 4 for parameter in model.parameters()):
        model = model.to(memory_format=torch.channels_last)
    return replace(
        teacher,
        model=model,
        scale=moved(teacher.scale),
        shift=moved(teacher.shift),
        order=moved(teacher.order),
    )


def _listed(classes: Any) -> str:
    return ", ".join(classes[:5]) + (", …" if len(classes) > 5 else "")


def _digest(tensors: Mapping[str, Tensor]) -> str:
    total = hashlib.blake2b(digest_size=8)
    for name, tensor in tensors.items():
        total.update(name.encode())
        total.update(tensor.cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return total.hexdigest()
