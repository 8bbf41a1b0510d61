"""What changes while a network trains, and how it is written down and read back."""

import copy
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.checkpoint import Header
from martlet.training.optimizer import build_optimizer
from martlet.training.recipe import Recipe
from martlet.training.run_files import MODEL, RESUME

Better = Callable[[Mapping[str, float]], tuple[float, ...]]


class State:
    """Network, optimiser, averaged weights, and the counters of the loop."""

    def __init__(self, model: nn.Module, recipe: Recipe) -> None:
        self.model = model
        self.optimizer = build_optimizer(model, recipe)
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
        if "val_loss" not in self.history[-1]:
            return self.history[-1]
        return max(self.history, key=better)

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
        }
        checkpoint.save(folder / RESUME, tensors, header.with_state(counters))

    def restore(self, path: Path, tensors: dict[str, Tensor], header: Header) -> None:
        """Put back what `save` wrote; raises MartletError when it does not fit."""
        name = header.network.name
        checkpoint.load_weights(self.model, checkpoint.part(tensors, "model"), path, name)
        if self.ema is not None:
            checkpoint.load_weights(self.ema, checkpoint.part(tensors, "ema"), path, name)
        self._restore_optimizer(checkpoint.part(tensors, "optimizer"))
        try:
            for field in ("epoch", "batch", "sums", "seen", "seconds", "history"):
                setattr(self, field, header.state[field])
        except KeyError as error:
            raise MartletError(f"{path} cannot be resumed: it has no {error}.") from error

    def _restore_optimizer(self, tensors: dict[str, Tensor]) -> None:
        """Momenta lie in memory as their weights do: a fused step reads both in one sweep."""
        groups = self.optimizer.state_dict()["param_groups"]
        weights = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        saved: dict[int, dict[str, Tensor]] = {}
        for key, tensor in tensors.items():
            number, field = key.split(".")
            weight = weights[int(number)]
            if tensor.shape == weight.shape:
                tensor = torch.empty_like(weight).copy_(tensor)
            saved.setdefault(int(number), {})[field] = tensor
        self.optimizer.load_state_dict({"state": saved, "param_groups": groups})
