"""The last score of `train` over several views of each picture."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from martlet.data.kind import AnyPreprocess, Samples, ToInput
from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.views import VIEWS, Views, views
from martlet.memory import eval_batch_size
from martlet.training.evaluate import predict_logits


def several_views(
    plain: tuple[NDArray[np.float32], NDArray[Any]],
    model: nn.Module,
    samples: Samples,
    indices: Sequence[int],
    preprocess: AnyPreprocess,
    to_input: ToInput,
    tta: Views,
) -> tuple[NDArray[np.float32], dict[str, Any]]:
    """Means of logits over the views of each picture (pictures, classes), and what metrics say.

    plain: outputs and targets of one view; they are returned as they are for tta="none".
    """
    outputs, truth = plain
    if tta == "none" or not isinstance(preprocess, Preprocess):
        return outputs, {}
    size = max(1, eval_batch_size(preprocess.shape) // VIEWS[tta])

    def batches() -> Iterator[tuple[Tensor, Tensor]]:
        for start in range(0, len(indices), size):
            chosen = indices[start : start + size]
            seen = np.concatenate([views(samples[i], preprocess, tta) for i in chosen])
            yield torch.from_numpy(seen), torch.zeros(len(seen))

    several, _ = predict_logits(model, batches(), to_input)
    means: NDArray[np.float32] = several.reshape(len(indices), VIEWS[tta], -1).mean(axis=1)
    return means, {"tta": tta, "one_view_top1": float((outputs.argmax(axis=1) == truth).mean())}


def told_views(metrics: Mapping[str, Any]) -> list[str]:
    """What the views brought, and cost; nothing without them."""
    if "tta" not in metrics or "top1" not in metrics:
        return []
    number, one = VIEWS[metrics["tta"]], metrics["one_view_top1"]
    return [
        f"tta {metrics['tta']}: the mean over {number} views of each picture, in {number} times "
        f"the time, is right for {metrics['top1']:.1%}; one view for {one:.1%}."
    ]
