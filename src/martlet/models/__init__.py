"""The networks: one paper, one file. Here is their table.

To add a paper, write its file in this folder (VARIANTS and build) and name it in FILES.
"""

from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from importlib import import_module
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, get_type_hints, overload

from martlet.arguments import checked
from martlet.errors import MartletError, unknown
from martlet.models.classifier import Classifier, ImageClassifier
from martlet.models.spec import CubeInput, ImageInput, Printed, SeriesInput, Spec, Weights
from martlet.models.widths import shortest
from martlet.ops.attention import Attention, AttentionOption

if TYPE_CHECKING:
    from martlet.models.features import FeatureExtractor

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

    Raises MartletError with the closest names when there is none.
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
    attention: AttentionOption = None,
    pretrained: bool = False,
    features_only: bool = False,
    out_indices: int | Sequence[int] | None = None,
    **options: Any,
) -> "Classifier | FeatureExtractor":
    """Build the network `name` (see `list_models`) in training mode, a `Classifier`.

    `num_classes`, `in_chans` and `drop_rate` (of the dropout before the classifier) default to
    those of the network's row: 1000, 3 and 0 for pictures. `num_classes=0` leaves the classifier
    out. `small_input` is the form for pictures of about 32×32: it shrinks them 8 times instead of
    32. `attention` puts "se", "cbam" or an `Attention` on each block; False takes away what a row
    such as "se_resnet50" has. `pretrained` loads ImageNet-1k weights, downloaded once through their
    library; a classifier for other than 1000 classes starts fresh, and the first convolution is
    adapted to `in_chans`. `features_only` returns a `FeatureExtractor` of the levels `out_indices`
    instead; a number n stands for the n coarsest. `options` are the network's own; its page in
    docs/ names them. Raises MartletError for an unknown name, an option that the network does not
    have, a value of another type or out of range, and an option that the weights do not allow.
    """
    file, row = _find(name)
    for flag, value in (
        ("small_input", small_input),
        ("pretrained", pretrained),
        ("features_only", features_only),
    ):
        checked(flag, value, bool, row.name)
    if out_indices is not None and not features_only:
        raise MartletError("out_indices is for features_only=True; set that, or leave it out.")
    if small_input:
        options["small_input"] = True
    if attention is not None:
        options["attention"] = attention
    options = _own(file, row, options)
    shared = _shared(row, num_classes, in_chans, drop_rate)
    network: Classifier = file.build(row, **shared, **options)
    if pretrained:
        from martlet.models.weights.torchvision import load_pretrained

        load_pretrained(network, row, shared["in_chans"], options)
    if not features_only:
        return network
    if not isinstance(network, ImageClassifier):
        raise MartletError(f"features_only=True does not fit {row.name}; it takes no pictures.")
    from martlet.models.features import FeatureExtractor

    return FeatureExtractor(network, out_indices)


def _shared(
    row: Spec, num_classes: int | None, in_chans: int | None, drop_rate: float | None
) -> dict[str, Any]:
    """What every file's `build` takes; raises MartletError for what is out of range."""
    given = {"num_classes": num_classes, "in_chans": in_chans, "drop_rate": drop_rate}
    shared: dict[str, Any] = {
        "num_classes": row.num_classes,
        "in_chans": row.input.channels,
        "drop_rate": row.drop_rate,
    }
    for name, value in given.items():
        if value is not None:
            hint = float if name == "drop_rate" else int
            shared[name] = checked(name, value, hint, row.name)
    if shared["num_classes"] < 0:
        raise MartletError(f"num_classes={num_classes} is negative; give 0 (features) or more.")
    if shared["in_chans"] < 1:
        raise MartletError(f"in_chans={in_chans} is too small; give 1 or more.")
    if not 0.0 <= shared["drop_rate"] < 1.0:
        raise MartletError(f"drop_rate={drop_rate} is out of range; give 0 or more, below 1.")
    return shared


def _own(file: Any, row: Spec, options: dict[str, Any]) -> dict[str, Any]:
    """The options that only some networks have, checked, without those that change nothing.

    Raises MartletError for one that the file's `build` does not have, and for another type.
    """
    shared = {"variant", "num_classes", "in_chans", "drop_rate"}
    accepted = {
        name: parameter.default
        for name, parameter in signature(file.build).parameters.items()
        if name not in shared
    }
    hints = get_type_hints(file.build)
    own = {}
    for name, value in options.items():
        if name == "attention" and value is False and name not in accepted:
            continue  # there is none to leave out
        if name not in accepted:
            raise MartletError(
                f"{row.name} has no option {name!r}; it has {', '.join(accepted) or 'none'}."
            )
        made = checked(name, value, hints[name], row.name)
        default = accepted[name]
        if made != (getattr(row, name, None) if default is None else default):
            own[name] = made
    return own


def _rows() -> Iterator[tuple[Any, Spec]]:
    """Every row with the module of its file."""
    for name in FILES:
        file = import_module(f"martlet.models.{name}")
        for row in file.VARIANTS:
            yield file, row


def _find(name: str) -> tuple[Any, Spec]:
    rows = list(_rows())
    if isinstance(name, str):
        for wanted in (name, shortest(name)):
            for file, row in rows:
                if wanted == row.name or wanted in row.aliases:
                    return file, row
        for file in {file for file, _ in rows if hasattr(file, "other_width")}:
            if other := file.other_width(shortest(name)):
                return file, other
    raise unknown("model", name, [known for _, row in rows for known in (row.name, *row.aliases)])
