"""Options of a recipe that say how weights are moved."""

from dataclasses import dataclass
from typing import Literal

from martlet.arguments import option
from martlet.training.ranges import (
    ABOVE_0,
    AT_LEAST_0,
    AT_LEAST_1,
    BELOW_1,
    EPOCHS,
    SHARE,
    SHARE_ABOVE_0,
    TWO_INPUTS,
)


@dataclass(frozen=True, kw_only=True)
class OptimizationFields:
    """Optimiser, schedule, loss, averages; of every kind of data."""

    epochs: int = option(30, "Times that the network sees every training input.", EPOCHS)
    batch_size: int = option(32, "Inputs per step.", TWO_INPUTS)
    accumulate: int = option(1, "Batches whose gradients make one step together.", AT_LEAST_1)
    clip_grad: float = option(
        0.0, "Largest norm of a step's gradient, scaled down to it; 0 turns it off.", AT_LEAST_0
    )
    early_stop: int = option(
        0, "Epochs without a better one after which training ends; 0 turns it off.", AT_LEAST_0
    )
    lr: float = option(None, "Peak learning rate (default: fits optimizer and batch).", ABOVE_0)
    optimizer: Literal["sgd", "rmsprop", "adamw", "muon"] = option(
        None, "The optimiser (default: sgd; muon for pictures, unless weights are published ones)."
    )
    momentum: float = option(0.9, "Momentum of SGD, RMSprop and Muon.", BELOW_1)
    nesterov: bool = option(True, "Momentum of SGD and Muon looks a step ahead (Nesterov).")
    rmsprop_decay: float = option(0.9, "RMSprop: decay of the mean of squared gradients.", BELOW_1)
    rmsprop_epsilon: float = option(1e-3, "RMSprop: added to that mean, inside the root.", ABOVE_0)
    muon_lr: float = option(
        None,
        "Muon: peak learning rate of the matrices (default: 0.05, and as far from it as lr is from "
        "its own).",
        ABOVE_0,
    )
    weight_decay: float = option(5e-4, "Not applied to biases and batch norm.", AT_LEAST_0)
    decay_depthwise: bool = option(True, "Weight decay is applied to depthwise filters too.")
    schedule: Literal["cosine", "linear", "step", "constant"] = option(
        "cosine", "How the learning rate falls after the warm-up."
    )
    step_epochs: float = option(10.0, "Schedule step: epochs from one fall to the next.", ABOVE_0)
    step_factor: float = option(0.1, "Schedule step: the rate is multiplied by it.", SHARE_ABOVE_0)
    final_lr: float = option(0.0, "Share of the peak rate that the schedule falls to.", SHARE)
    warmup_epochs: float = option(
        2.0, "Epochs in which the learning rate rises; at most half of all.", AT_LEAST_0
    )
    label_smoothing: float = option(
        0.1,
        "Pictures, scenes, recordings: share of the target spread over all classes.",
        BELOW_1,
        only=("pictures", "scenes", "recordings"),
    )
    balance: Literal["none", "weights", "sampling"] = option(
        "none", "Classes count alike: weighed in the loss, or drawn equally often."
    )
    drop_rate: float = option(
        None,
        "Pictures, scenes, recordings: dropout before the classifier (default: the network's).",
        BELOW_1,
        only=("pictures", "scenes", "recordings"),
    )
    sync_batch_norm: bool = option(
        False, "Several processes: batch norm sees the whole batch, not a process's part of it."
    )
    ema: float = option(0.0, "Decay of averaged weights per step; 0 turns averaging off.", BELOW_1)
