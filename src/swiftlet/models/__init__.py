"""The networks: one paper, one file. Here is their table.

To add a paper, write its file in this folder (VARIANTS and build) and name it in FILES.
"""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

from swiftlet.errors import SwiftletError, unknown
from swiftlet.models.classifier import ImageClassifier
from swiftlet.models.spec import ImageInput, Printed, Spec, Weights

FILES = (
    "mobilenet_v2",
    "shufflenet_v1",
    "shufflenet_v2",
)

__all__ = [
    "ImageClassifier",
    "ImageInput",
    "Printed",
    "Spec",
    "Weights",
    "create_model",
    "list_models",
    "spec",
]


def list_models(pattern: str = "*") -> list[str]:
    """Names of the networks that match `pattern` (with * and ?), sorted, without aliases."""
    return sorted(row.name for _, row in _rows() if fnmatchcase(row.name, pattern))


def spec(name: str) -> Spec:
    """The row of the network `name`, which may be an alias.

    Raises SwiftletError with the closest names when there is none.
    """
    return _find(name)[1]


def create_model(
    name: str,
    *,
    num_classes: int = 1000,
    in_chans: int = 3,
    small_input: bool = False,
    drop_rate: float = 0.0,
    pretrained: bool = False,
) -> ImageClassifier:
    """Build the network `name` (see `list_models`) in training mode.

    `num_classes=0` leaves the classifier out. `small_input` is the form for pictures of about
    32×32: it shrinks them 8 times instead of 32. `drop_rate` is that of the dropout before the
    classifier. `pretrained` loads ImageNet-1k weights, downloaded once through their library; a
    classifier for other than 1000 classes starts fresh. Raises SwiftletError for an unknown name
    or a value out of range.
    """
    if num_classes < 0:
        raise SwiftletError(f"num_classes={num_classes} is negative; give 0 (features) or more.")
    if in_chans < 1:
        raise SwiftletError(f"in_chans={in_chans} is too small; give 1 or more.")
    if not 0.0 <= drop_rate < 1.0:
        raise SwiftletError(f"drop_rate={drop_rate} is out of range; give 0 or more, below 1.")
    file, row = _find(name)
    network: ImageClassifier = file.build(
        row,
        num_classes=num_classes,
        in_chans=in_chans,
        small_input=small_input,
        drop_rate=drop_rate,
    )
    if pretrained:
        from swiftlet.models.weights.torchvision import load_pretrained

        load_pretrained(network, row, in_chans)
    return network


def _rows() -> Iterator[tuple[Any, Spec]]:
    """Every row with the module of its file."""
    for name in FILES:
        file = import_module(f"swiftlet.models.{name}")
        for row in file.VARIANTS:
            yield file, row


def _find(name: str) -> tuple[Any, Spec]:
    rows = list(_rows())
    for file, row in rows:
        if name == row.name or name in row.aliases:
            return file, row
    for file in {file for file, _ in rows if hasattr(file, "other_width")}:
        if other := file.other_width(name):
            return file, other
    raise unknown("model", name, [known for _, row in rows for known in (row.name, *row.aliases)])
