"""What changes while a network trains, and how it is written down and read back."""

import copy
from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from martlet.arguments import checked
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.freezing import freeze
from martlet.training.optimizer import build_optimizer, state_fields
from martlet.training.recipe import Recipe
from martlet.training.run_files import MODEL, RESUME

COUNTERS = {
    "epoch": int,
    "batch": int,
    "sums": Mapping[str, Any],
    "seen": int,
    "seconds": float,
    "history": Sequence[Mapping[str, Any]],
}
Better = Callable[[Mapping[str, float]], tuple[float, ...]]


class State:
    """Network, optimiser, averaged weights, and the counters of the loop.

    processes: that train together.
    """

    def __init__(self, model: nn.Module, recipe: Recipe, processes: int = 1) -> None:
        self.processes = processes
        self.model = model
        freeze(model, recipe)
        self.optimizer = build_optimizer(model, recipe)
        self.fields = state_fields(recipe)  # of the optimiser, for each weight
        self.ema = copy.deepcopy(model).requires_grad_(False) if recipe.ema else None
        self.epoch = 0  # epochs done
        self.batch = 0  # batches done in the present epoch
        self.sums: dict[str, float] = {}  # of the present epoch: the loss, and what is counted
        self.seen = 0  # samples in the present epoch
        self.seconds = 0.0  # spent training, over all resumptions
        self.history: list[dict[str, float]] = []

    @property
    def averaged(self) -> nn.Module:
        """The network to evaluate: the averaged weights when they are kept, else the model."""
        return self.model if self.ema is None else self.ema

    @property
    def means(self) -> dict[str, float]:
        """Of the present epoch so far, on augmented samples: the loss, and what is counted."""
        return {name: total / max(self.seen, 1) for name, total in self.sums.items()}

    def count(self, sums: Mapping[str, float], samples: int) -> None:
        """Note one step."""
        self.batch += 1
        self.seen += samples
        self.sums = {name: self.sums.get(name, 0.0) + total for name, total in sums.items()}

    @torch.no_grad()
    def average(self, decay: float, step: int) -> None:
        """Move the averaged weights a little towards the present ones.

        The decay grows with the steps, so that early averages are not ruled by the random start:
        torch's `AveragedModel` has one decay for its fused step, and other names in its state.
        """
        if self.ema is None:
            return
        weight = 1 - min(decay, (1 + step) / (10 + step))
        averaged, present = self.ema.state_dict(), self.model.state_dict()
        floating = [name for name, tensor in present.items() if tensor.is_floating_point()]
        torch._foreach_lerp_(
            [averaged[name] for name in floating], [present[name] for name in floating], weight
        )
        for name in present.keys() - set(floating):  # the counters of batch norm
            averaged[name].copy_(present[name])

    def finite(self) -> bool:
        """Whether all weights are finite numbers."""
        norms = torch._foreach_norm(list(self.model.parameters()))
        return bool(torch.stack(norms).isfinite().all())

    def end_epoch(self, row: dict[str, float], better: Better) -> bool:
        """Note the epoch's row; True when it is the best: `better` gives the highest for it.

        Without a validation part each epoch counts as the best: the last one is kept.
        """
        self.history.append(row)
        self.epoch += 1
        self.batch, self.sums, self.seen = 0, {}, 0
        return self.best_row(better) is row

    def best_row(self, better: Better) -> dict[str, float]:
        """The row of the epoch that model.safetensors holds."""
        if not any(name.startswith("val_") for name in self.history[-1]):
            return self.history[-1]
        return max(self.history, key=better)

    def ended(self, recipe: Recipe, better: Better) -> bool:
        """Whether nothing is left to train: all epochs are done, or it is time to stop early."""
        return self.epoch == recipe.epochs or 0 < recipe.early_stop <= self.since_best(better)

    def since_best(self, better: Better) -> int:
        """Epochs behind the best one."""
        return self.epoch - int(self.best_row(better)["epoch"]) if self.history else 0

    def save_best(self, folder: Path, header: Header, better: Better) -> None:
        """Write model.safetensors."""
        header = header.with_metrics(self.best_row(better))
        checkpoint.save(folder / MODEL, self.averaged.state_dict(), header)

    def save(self, folder: Path, header: Header) -> None:
        """Write resume.safetensors: all that is needed to go on bit for bit."""
        tensors = {f"model.{k}": v for k, v in self.model.state_dict().items()}
        if self.ema is not None:
            tensors |= {f"ema.{k}": v for k, v in self.ema.state_dict().items()}
        for index, values in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{k}": v for k, v in values.items() if v is not None}
        counters = {
            "epoch": self.epoch,
            "batch": self.batch,
            "sums": self.sums,
            "seen": self.seen,
            "seconds": self.seconds,
            "history": self.history,
            "threads": torch.get_num_threads(),
            "processes": self.processes,
        }
        checkpoint.save(folder / RESUME, tensors, header.with_state(counters))

    def restore(self, path: Path, tensors: dict[str, Tensor], header: Header) -> None:
        """Put back what `save` wrote; raises MartletError when it does not fit."""
        name = header.network.name
        checkpoint.load_weights(self.model, checkpoint.part(tensors, "model"), path, name)
        if self.ema is not None:
            checkpoint.load_weights(self.ema, checkpoint.part(tensors, "ema"), path, name)
        try:
            self._restore_optimizer(checkpoint.part(tensors, "optimizer"), header)
            self._restore_counters(header)
        except MartletError as error:
            raise MartletError(f"{path} cannot be resumed: {error}") from error
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise MartletError(f"{path} cannot be resumed: it is damaged ({error!r}).") from error

    def _restore_counters(self, header: Header) -> None:
        """Raises MartletError, KeyError or TypeError for what the loop cannot have left."""
        for field, kind in COUNTERS.items():
            setattr(self, field, checked(field, header.state[field], kind))
        self.history = [_row(row) for row in self.history]
        self.sums = _row(self.sums)
        numbers = [row["epoch"] for row in self.history]
        names = {frozenset(row) for row in self.history}
        if (
            numbers != list(range(0 if header.recipe.few else 1, self.epoch + 1))
            or len(names) > 1
            or self.epoch > header.recipe.epochs
            or min(self.batch, self.seen, self.seconds) < 0
            or (self.batch > 0) != bool(self.sums)
            or self.batch % header.recipe.accumulate > 0
        ):
            raise MartletError("its counters contradict each other.")
        began = self.epoch + self.batch > 0
        if began and not self.optimizer.state and self.fields:
            raise MartletError("the optimiser's state is missing.")

    def _restore_optimizer(self, tensors: dict[str, Tensor], header: Header) -> None:
        """Momenta lie in memory as their weights do: a fused step reads both in one sweep.

        Weights that were frozen up to here have none yet.
        """
        groups = self.optimizer.state_dict()["param_groups"]
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        saved: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            number, field = key.split(".")
            weight = weights[int(number)]
            if tensor.shape == weight.shape and field != "step":
                tensor = torch.empty_like(weight).copy_(tensor)
            elif field != "step" or tensor.dim() > 0:
                raise MartletError(f"optimizer.{key} has the shape {tuple(tensor.shape)}.")
            saved.setdefault(int(number), {})[field] = tensor
        all_moved = (header.state["epoch"], header.state["batch"]) > (header.recipe.head_epochs, 0)
        moved = [
            all_moved or not group.get("later", False)
            for group in self.optimizer.param_groups
            for _ in group["params"]
        ]
        complete = saved.keys() == {number for number, one in enumerate(moved) if one}
        if saved and not (complete and all(set(one) == self.fields for one in saved.values())):
            raise MartletError("the optimiser's state is not complete.")
        self.optimizer.load_state_dict({"state": saved, "param_groups": groups})


def _row(values: Any) -> dict[str, float]:
    """Finite numbers by name; MartletError for other values."""
    numbers = {str(name): checked(str(name), value, int | float) for name, value in values.items()}
    if not all(map(isfinite, numbers.values())):
        raise MartletError("its counters are not finite.")
    return numbers
