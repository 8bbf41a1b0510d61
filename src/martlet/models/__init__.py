"""The networks: one paper, one file. Their table is in table.py."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, overload

from martlet.arguments import checked
from martlet.errors import MartletError
from martlet.models.classifier import Classifier, ImageClassifier
from martlet.models.spec import CubeInput, ImageInput, Printed, SeriesInput, Spec, Weights
from martlet.models.table import build, find, list_models, own_options, spec
from martlet.ops.attention import Attention, AttentionOption

if TYPE_CHECKING:
    from martlet.models.detectors import Detector
    from martlet.models.features import FeatureExtractor

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


@overload
def create_model(
    name: str, *, features_only: Literal[True], **options: Any
) -> "FeatureExtractor": ...


@overload
def create_model(name: str, *, detector: str, **options: Any) -> "Detector": ...


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
    detector: str | None = None,
    **options: Any,
) -> "Classifier | FeatureExtractor | Detector":
    """Build the network `name` (see `list_models`) in training mode, a `Classifier`.

    `num_classes`, `in_chans` and `drop_rate` (of the dropout before the classifier) default to
    those of the network's row: 1000, 3 and 0 for pictures. `num_classes=0` leaves the classifier
    out. `small_input` is the form for pictures of about 32×32: it shrinks them 8 times instead of
    32. `attention` puts "se", "cbam" or an `Attention` on each block; False takes away what a row
    such as "se_resnet50" has. `pretrained` loads ImageNet-1k weights, downloaded once through their
    library; a classifier for other than 1000 classes starts fresh, and the first convolution is
    adapted to `in_chans`. `features_only` returns a `FeatureExtractor` of the levels `out_indices`
    instead; a number n stands for the n coarsest. `detector` ("lite", "ssdlite", "faster_rcnn" or
    "faster_rcnn_mobile") makes a `Detector` of `num_classes` kinds of boxes with the network as
    backbone. `options` are the network's own; its page in docs/ names them. Raises MartletError for
    an unknown name, an option that the network does not have, a value of another type or out of
    range, and an option that the weights do not allow.
    """
    file, row = find(name)
    for flag, value in (
        ("small_input", small_input),
        ("pretrained", pretrained),
        ("features_only", features_only),
    ):
        checked(flag, value, bool, row.name)
    checked("detector", detector, str | None, row.name)
    if detector is not None and features_only:
        raise MartletError(f"detector={detector!r} and features_only=True exclude each other.")
    if out_indices is not None and not features_only:
        raise MartletError("out_indices is for features_only=True; set that, or leave it out.")
    if small_input:
        options["small_input"] = True
    if attention is not None:
        options["attention"] = attention
    network = build(
        name, num_classes=num_classes, in_chans=in_chans, drop_rate=drop_rate, **options
    )
    if pretrained:
        from martlet.models.weights.torchvision import load_pretrained

        load_pretrained(network, row, network.in_chans, own_options(file, row, options))
    if not features_only and detector is None:
        return network
    if not isinstance(network, ImageClassifier):
        what = "features_only=True" if detector is None else f"detector={detector!r}"
        raise MartletError(f"{what} does not fit {row.name}; it takes no pictures.")
    if detector is not None:
        from martlet.models.detectors import make_detector

        return make_detector(detector, network, network.num_classes)
    from martlet.models.features import FeatureExtractor

    return FeatureExtractor(network, out_indices)
