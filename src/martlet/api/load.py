"""`load`: a trained network as a module of PyTorch."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from martlet.arguments import typed

if TYPE_CHECKING:
    from martlet.models import Classifier


@typed
def load(
    run: Annotated[Path, "Run folder, model.safetensors, or another library's file of weights."],
    *,
    device: Annotated[str, "auto, cpu, cuda or mps."] = "cpu",
) -> "Classifier":
    """Load a trained network as an `nn.Module`, in eval mode.

    It maps inputs (N, *model.preprocess.shape) to logits (N, classes). `model.preprocess` makes an
    input of a picture or its path, a float32 array without the batch; `model.classes` names the
    outputs. The probabilities of `predict` are the softmax of logits / `model.temperature`.

    Raises MartletError for what is no trained network.
    """
    from martlet.workflows.load import load_network

    return load_network(run, device)
