"""Options of a recipe that say how weights are moved."""

from dataclasses import dataclass
from typing import Literal

from martlet.arguments import option
from martlet.training.ranges import ABOVE_0, AT_LEAST_0, AT_LEAST_1, BELOW_1, TWO_INPUTS


@dataclass(frozen=True, kw_only=True)
class OptimizationFields:
    """Optimiser, schedule, loss, averages; of every kind of data."""

    epochs: int = option(30, "Times that the network sees every training input.", AT_LEAST_1)
    batch_size: int = option(32, "Inputs per step.", TWO_INPUTS)
    lr: float = option(None, "Peak learning rate (default: fits optimizer and batch).", ABOVE_0)
    optimizer: Literal["sgd", "adamw"] = option("sgd", "The optimiser.")
    momentum: float = option(0.9, "Momentum of SGD (Nesterov).", BELOW_1)
    weight_decay: float = option(5e-4, "Not applied to biases and batch norm.", AT_LEAST_0)
    warmup_epochs: float = option(2.0, "Epochs in which the learning rate rises.", AT_LEAST_0)
    label_smoothing: float = option(0.1, "Share of the target spread over all classes.", BELOW_1)
    drop_rate: float = option(
        None, "Dropout before the classifier (default: the network's).", BELOW_1
    )
    ema: float = option(0.0, "Decay of averaged weights per step; 0 turns averaging off.", BELOW_1)
