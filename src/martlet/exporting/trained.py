"""A trained network, and what an exported file says of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from torch import nn

from martlet.data.kind import AnyPreprocess
from martlet.errors import MartletError
from martlet.inference import FORMAT

LOGITS = "logits"
Check = Callable[[Path], None]
"""Compares what lies at a place with PyTorch; raises MartletError when it is not the same."""


@dataclass(frozen=True)
class Trained:
    """What is exported; it is never changed."""

    model: nn.Module
    shape: tuple[int, ...]  # of one input, without the batch
    classes: tuple[str, ...]
    header: str  # JSON: format, classes, preprocess and more; the file carries it
    temperature: float = 1.0  # that the file's logits are divided by; the model's are not
    output: str = LOGITS  # its name in the file; of logits there is one for each class

    @classmethod
    def of(
        cls,
        model: nn.Module,
        *,
        preprocess: AnyPreprocess | None,
        classes: Sequence[str],
        shape: tuple[int, ...] | None = None,
        meta: Mapping[str, object] | None = None,
        temperature: float = 1.0,
        output: str = LOGITS,
    ) -> "Trained":
        """A network of other inputs than pictures has no `preprocess`, but the `shape` of one.

        `meta` is added to the header. Raises MartletError when it is no JSON, and when nothing
        says the shape.
        """
        content = {**(meta or {}), "format": FORMAT, "classes": list(classes)}
        if preprocess is not None:
            content["preprocess"] = preprocess.to_dict()
            shape = preprocess.shape
        if shape is None:
            raise MartletError("preprocess=None and shape=None: one of them must say the input.")
        try:
            header = json.dumps(content, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise MartletError(f"meta cannot be written as JSON ({error}).") from error
        return cls(model, shape, tuple(classes), header, temperature, output)
