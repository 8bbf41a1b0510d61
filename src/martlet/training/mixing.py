"""Batches whose inputs and targets are mixed in pairs: mixup and CutMix, on the device.

Shares and boxes are drawn as torchvision's v2.MixUp and v2.CutMix draw them, and give the same
numbers; the memory of inputs stays channels-last here.

Papers: Zhang et al., "mixup: Beyond Empirical Risk Minimization" (arXiv 1710.09412); Yun et al.,
"CutMix" (arXiv 1905.04899).
"""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from martlet.training.recipe import Recipe


@dataclass(frozen=True)
class Mixing:
    """(inputs, targets) -> both mixed; draws from torch's default generator.

    mixup, cutmix: alphas of the Beta distributions of the share; 0: without. Where both are above
        0, the toss of a coin decides for each batch.
    outputs: of the network; class numbers (N,) become shares of them (N, outputs).
    axes: of inputs, from the third on, along which CutMix cuts: two of a picture, time alone of a
        recording.
    apart: how many places two partners lie apart in the batch: more than one where copies of a
        sample lie beside each other.
    """

    mixup: float
    cutmix: float
    outputs: int
    axes: int = 2
    apart: int = 1

    def __call__(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (N, channels, ...) and targets (N,) or (N, outputs); floating-point targets out.

        What is given is not written to.
        """
        cut = self.cutmix > 0 and (self.mixup == 0 or float(torch.rand(())) < 0.5)
        alpha = self.cutmix if cut else self.mixup
        share = float(torch.distributions.Beta(alpha, alpha).sample())
        if cut:
            mixed, share = self._cut(inputs, share)
        else:
            mixed = self._partners(inputs).lerp_(inputs, share)
        if not targets.is_floating_point():
            targets = F.one_hot(targets, self.outputs).to(inputs.dtype)
        return mixed, torch.lerp(self._partners(targets), targets, share)

    def _partners(self, batch: Tensor) -> Tensor:
        """Each sample's partner; `roll` would leave channels-last memory."""
        apart = self.apart % len(batch) or 1
        return torch.cat([batch[-apart:], batch[:-apart]])

    def _cut(self, inputs: Tensor, share: float) -> tuple[Tensor, float]:
        """Inputs with a box of their partner's, and the share of each that remains its own."""
        sides = inputs.shape[2 : 2 + self.axes]
        centres = [int(torch.randint(side, ())) for side in reversed(sides)][::-1]
        radius = 0.5 * (1 - share) ** (1 / self.axes)
        box, taken = [slice(None), slice(None)], 1.0
        for centre, side in zip(centres, sides, strict=True):
            first = max(centre - int(radius * side), 0)
            last = min(centre + int(radius * side), side)
            box.append(slice(first, last))
            taken *= (last - first) / side
        mixed = inputs.clone()
        mixed[tuple(box)] = self._partners(inputs[tuple(box)])
        return mixed, 1 - taken


def build_mixing(recipe: Recipe, outputs: int, axes: int) -> Mixing | None:
    """What the recipe says; None: batches stay as they are."""
    if not recipe.mixup and not recipe.cutmix:
        return None
    return Mixing(recipe.mixup, recipe.cutmix, outputs, axes, recipe.repeated_augmentation)
