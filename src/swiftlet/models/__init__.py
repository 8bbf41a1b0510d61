"""The networks: one paper, one file. Here is their table.

To add a paper, write its file in this folder (VARIANTS and build) and name it in FILES.
"""

from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, overload

from swiftlet.errors import SwiftletError, unknown
from swiftlet.models.classifier import Classifier, ImageClassifier
from swiftlet.models.spec import CubeInput, ImageInput, Printed, SeriesInput, Spec, Weights
from swiftlet.ops.attention import Attention

if TYPE_CHECKING:
    from swiftlet.models.features import FeatureExtractor

FILES = (
    "cbam",
    "hybridsn",
    "mobilenet_v1",
    "mobilenet_v2",
    "mobilenet_v3",
    "resnet",
    "senet",
    "shufflenet_series",
    "shufflenet_v1",
    "shufflenet_v1_arch2",
    "shufflenet_v2",
    "shufflenet_v2_large",
    "unit_comparison",
)

__all__ = [
    "Attention",
    "Classifier",
    "CubeInput",
    "ImageClassifier",
    "ImageInput",
    "Printed",
    "SeriesInput",
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


@overload
def create_model(
    name: str, *, features_only: Literal[True], **options: Any
) -> "FeatureExtractor": ...


@overload
def create_model(name: str, **options: Any) -> Classifier: ...


def create_model(
    name: str,
    *,
    num_classes: int | None = None,
    in_chans: int | None = None,
    small_input: bool = False,
    drop_rate: float | None = None,
    attention: "str | Mapping[str, Any] | Attention | None" = None,
    pretrained: bool = False,
    features_only: bool = False,
    out_indices: Sequence[int] | None = None,
    **options: Any,
) -> "Classifier | FeatureExtractor":
    """Build the network `name` (see `list_models`) in training mode, a `Classifier`.

    `num_classes`, `in_chans` and `drop_rate` (of the dropout before the classifier) default to
    those of the network's row: 1000, 3 and 0 for pictures. `num_classes=0` leaves the classifier
    out. `small_input` is the form for pictures of about 32×32: it shrinks them 8 times instead of
    32. `attention` puts "se", "cbam" or an `Attention` on each block. `pretrained` loads
    ImageNet-1k weights, downloaded once through their library; a classifier for other than 1000
    classes starts fresh, and the first convolution is adapted to `in_chans`. `features_only`
    returns a `FeatureExtractor` of the levels `out_indices` instead. `options` are the network's
    own; its page in docs/ names them. Raises SwiftletError for an unknown name, an option that the
    network does not have, or a value out of range.
    """
    file, row = _find(name)
    num_classes = row.num_classes if num_classes is None else num_classes
    in_chans = row.input.channels if in_chans is None else in_chans
    drop_rate = row.drop_rate if drop_rate is None else drop_rate
    if num_classes < 0:
        raise SwiftletError(f"num_classes={num_classes} is negative; give 0 (features) or more.")
    if in_chans < 1:
        raise SwiftletError(f"in_chans={in_chans} is too small; give 1 or more.")
    if not 0.0 <= drop_rate < 1.0:
        raise SwiftletError(f"drop_rate={drop_rate} is out of range; give 0 or more, below 1.")
    if small_input:
        options["small_input"] = True
    if attention is not None:
        options["attention"] = attention
    accepted = _options(file)
    for option in options:
        if option not in accepted:
            raise SwiftletError(
                f"{row.name} has no option {option!r}; it has {', '.join(accepted) or 'none'}."
            )
    network: Classifier = file.build(
        row, num_classes=num_classes, in_chans=in_chans, drop_rate=drop_rate, **options
    )
    if pretrained:
        from swiftlet.models.weights.torchvision import load_pretrained

        load_pretrained(network, row, in_chans)
    if not features_only:
        return network
    if not isinstance(network, ImageClassifier):
        raise SwiftletError(f"features_only=True does not fit {row.name}; it takes no pictures.")
    from swiftlet.models.features import FeatureExtractor

    return FeatureExtractor(network, out_indices)


def _options(file: Any) -> list[str]:
    """The options that only some networks have, as the file's `build` names them."""
    shared = {"variant", "num_classes", "in_chans", "drop_rate"}
    return [name for name in signature(file.build).parameters if name not in shared]


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
