"""A network learns from a trained one's answers, beside the labels.

Paper: Hinton, Vinyals, Dean, "Distilling the Knowledge in a Neural Network" (arXiv 1503.02531).
"""

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from martlet.training.recipe import Recipe


@dataclass(frozen=True)
class Teacher:
    """The trained network in eval mode, and how the student's inputs become its own.

    scale, shift: input * scale + shift is what it was trained on; None: the same numbers.
    side: of its pictures in pixels, where the student's have another.
    order: its output for each of the student's; None: the same order.
    """

    model: nn.Module
    scale: Tensor | None = None
    shift: Tensor | None = None
    side: int | None = None
    order: Tensor | None = None

    @torch.no_grad()
    def __call__(self, inputs: Any) -> Tensor:
        """Logits (N, outputs), in the student's order of classes, float32."""
        if self.side is not None:
            size = (self.side, self.side)
            inputs = F.interpolate(inputs, size=size, mode="bilinear", antialias=True)
        if self.scale is not None and self.shift is not None:
            inputs = inputs * self.scale + self.shift
        answers: Tensor = self.model(inputs)
        return (answers if self.order is None else answers[:, self.order]).float()


def distilled(loss: Tensor, outputs: Tensor, answers: Tensor, recipe: Recipe) -> Tensor:
    """`loss` of the labels and, as `recipe` weighs it, the divergence from a teacher's `answers`.

    outputs, answers: logits (N, outputs). The divergence is Kullback and Leibler's of softened
    probabilities, times the temperature's square, so that its gradients keep their size.
    """
    temperature, weight = recipe.distill_temperature, recipe.distill_weight
    apart = F.kl_div(
        F.log_softmax(outputs / temperature, dim=1),
        F.log_softmax(answers / temperature, dim=1),
        reduction="batchmean",
        log_target=True,
    )
    return (1 - weight) * loss + weight * temperature**2 * apart
