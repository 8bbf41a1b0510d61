"""The end that all classifiers share, under the names that users of timm know."""

from typing import Any, ClassVar

from torch import Tensor, nn

from martlet.arguments import checked
from martlet.errors import MartletError
from martlet.models.spec import Spec
from martlet.ops.conv import draw
from martlet.ops.pool import global_average
from martlet.ops.tracing import is_recorded


class Classifier(nn.Module):
    """Maps an input to logits (batch, num_classes).

    A network sets `num_features` and defines `forward_features` and `pool`; `create_model` calls
    `add_head` when it is complete. The pooled features are thinned by dropout and classified by one
    linear layer; with `num_classes=0` there is no such layer and the pooled features come out.
    """

    num_features: int  # of what `forward_features` returns: its channels
    num_classes: int
    in_chans: int  # channels, bands or sensors of the input
    classifier: nn.Module
    # Of a network that `martlet.load` opened: names of its outputs, and how a sample becomes an
    # input, the Preprocess of its kind of data.
    classes: tuple[str, ...] = ()
    preprocess: Any = None
    temperature: float = 1.0  # divide logits by it before a softmax, which can be believed then

    @property
    def head_hidden_size(self) -> int:
        """Values that `pool` makes of an input, which the classifier takes."""
        return self.num_features

    def add_head(self, num_classes: int, drop_rate: float) -> None:
        """Add dropout and a fresh classifier."""
        self.dropout = nn.Dropout(drop_rate)
        self.reset_classifier(num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """The input to maps of features, (batch, num_features, ...)."""
        raise NotImplementedError

    def pool(self, features: Tensor) -> Tensor:
        """Maps of features to (batch, head_hidden_size)."""
        raise NotImplementedError

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Features to logits, or to (batch, head_hidden_size) when `pre_logits`."""
        pooled = self.dropout(self.pool(features))
        return pooled if pre_logits else self.classifier(pooled)

    def forward(self, x: Tensor) -> Tensor:
        """The input to logits."""
        return self.forward_head(self.forward_features(x))

    def get_classifier(self) -> nn.Module:
        """The linear layer, or nn.Identity when `num_classes` is 0."""
        return self.classifier

    def reset_classifier(self, num_classes: int, global_pool: str | None = None) -> None:
        """Put a fresh classifier in place; the rest of the network keeps its weights.

        `global_pool` is timm's; "avg" is accepted, and the network keeps the pooling that it has.
        Raises MartletError for another one, and for classes that are no number from 0 up.
        """
        if global_pool not in (None, "avg"):
            raise MartletError(
                f"global_pool={global_pool!r} is not accepted; a network keeps its pooling, so "
                "leave it out."
            )
        num_classes = checked("num_classes", num_classes, int)
        if num_classes < 0:
            raise MartletError(f"num_classes={num_classes} is negative; give 0 (features) or more.")
        self.num_classes = num_classes
        if num_classes == 0:
            self.classifier = nn.Identity()
            return
        like = next(self.parameters())
        linear = nn.Linear(self.head_hidden_size, num_classes, device=like.device, dtype=like.dtype)
        draw(linear.weight, 0.01)
        nn.init.zeros_(linear.bias)
        self.classifier = linear


class ImageClassifier(Classifier):
    """Maps (batch, in_chans, height, width) to logits (batch, num_classes).

    A network's children stand in the order in which `forward_features` calls them, one after the
    other, and nothing else happens to the maps in between; `features.py` relies on that. `neck`
    names those behind the last stage, which are no maps to build a detector on.
    """

    neck: ClassVar[tuple[str, ...]] = ()

    def __init__(self, variant: Spec, in_chans: int, small_input: bool) -> None:
        super().__init__()
        self.in_chans = in_chans
        # Side of the input / side of the last map.
        self.reduction = variant.small_reduction if small_input else variant.reduction

    def pool(self, features: Tensor) -> Tensor:
        """The mean over each map."""
        return global_average(features)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures to logits; raises MartletError for other channels or a side too small."""
        check_pictures(x, self.in_chans, self.reduction)
        return self.forward_head(self.forward_features(x))


def check_pictures(x: Tensor, in_chans: int, reduction: int) -> None:
    """Raises MartletError when `x` is no batch of pictures that such a network takes."""
    if is_recorded(x):
        return
    if x.dim() != 4 or x.shape[1] != in_chans:
        raise MartletError(
            f"the input has shape {tuple(x.shape)}; accepted: (batch, {in_chans}, height, width)."
        )
    if min(x.shape[2:]) < reduction:
        raise MartletError(
            f"a picture of {x.shape[2]}×{x.shape[3]} is too small for this network, which shrinks "
            f"it {reduction} times; give sides of {reduction} or more."
        )
