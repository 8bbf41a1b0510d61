"""The last score of `train` over several views of each picture."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from martlet.data.batches import Batch, EvalBatches
from martlet.data.kind import AnyPreprocess, Samples, ToInput
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.views import VIEWS, Views, views
from martlet.memory import eval_batch_size
from martlet.training.evaluate import predict_logits
from martlet.training.ranks import Ranks


class ViewBatches(EvalBatches):
    """All views of each picture, behind each other; a target for each picture."""

    def __init__(
        self,
        samples: Samples,
        truth: NDArray[Any],
        indices: Sequence[int],
        preprocess: Preprocess,
        tta: Views,
    ) -> None:
        targets = np.zeros((len(samples), *truth.shape[1:]), truth.dtype)
        targets[list(indices)] = truth
        size = max(1, eval_batch_size(preprocess.shape) // VIEWS[tta])
        super().__init__(samples, targets, indices, preprocess=preprocess, batch_size=size)
        self._views = partial(views, preprocess=preprocess, tta=tta)

    def __getitem__(self, number: int) -> Batch:
        chosen = self.indices[number * self.batch_size : (number + 1) * self.batch_size]
        seen = np.concatenate([self._views(self.samples[int(index)]) for index in chosen])
        return torch.from_numpy(seen), torch.from_numpy(self.targets[chosen])


def several_views(
    plain: tuple[NDArray[np.float32], NDArray[Any]],
    model: nn.Module,
    samples: Samples,
    indices: Sequence[int],
    preprocess: AnyPreprocess,
    to_input: ToInput,
    tta: Views,
    ranks: Ranks,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Means of logits over the views of each picture (pictures, classes), and what metrics say.

    plain: outputs and targets of one view; they are returned as they are for tta="none".
    """
    outputs, truth = plain
    if tta == "none" or not isinstance(preprocess, Preprocess):
        return outputs, {}
    batches = ViewBatches(samples, truth, indices, preprocess, tta)
    several, _ = predict_logits(model, batches, to_input, ranks)
    means: NDArray[np.float32] = several.reshape(len(indices), VIEWS[tta], -1).mean(axis=1)
    return means, {"tta": tta, "one_view_top1": float((outputs.argmax(axis=1) == truth).mean())}


def told_views(metrics: Mapping[str, Any]) -> list[str]:
    """What the views brought, and cost; nothing without them."""
    if "tta" not in metrics or "top1" not in metrics:
        return []
    number, one = VIEWS[metrics["tta"]], metrics["one_view_top1"]
    said = [
        f"tta {metrics['tta']}: the mean over {number} views of each picture, in {number} times "
        f"the time, is right for {metrics['top1']:.1%}; one view for {one:.1%}."
    ]
    if metrics.get("never_mirrored"):
        said.append(
            f"Half of the views of tta={metrics['tta']} are mirrored, and training mirrored "
            "nothing: where left and right mean something, leave tta out."
        )
    return said
