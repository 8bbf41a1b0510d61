"""The end that all classifiers of pictures share, under the names that users of timm know."""

from torch import Tensor, nn

from swiftlet.errors import SwiftletError
from swiftlet.ops.conv import draw
from swiftlet.ops.pool import global_average


class ImageClassifier(nn.Module):
    """Maps (batch, in_chans, height, width) to logits (batch, num_classes).

    A network sets `num_features` and defines `forward_features`; `add_head` makes it complete. The
    features are averaged over the picture, thinned by dropout and classified by one linear layer;
    with `num_classes=0` there is no such layer and the averaged features come out.
    """

    num_features: int  # channels that forward_features returns
    num_classes: int
    classifier: nn.Module

    def add_head(self, num_classes: int, drop_rate: float) -> None:
        """Add dropout and a fresh classifier."""
        self.dropout = nn.Dropout(drop_rate)
        self.reset_classifier(num_classes)

    def forward_features(self, x: Tensor) -> Tensor:
        """(batch, in_chans, height, width) -> (batch, num_features, rows, columns)."""
        raise NotImplementedError

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Features to logits, or to (batch, num_features) when `pre_logits`."""
        pooled = self.dropout(global_average(features))
        return pooled if pre_logits else self.classifier(pooled)

    def forward(self, x: Tensor) -> Tensor:
        """Pictures to logits."""
        return self.forward_head(self.forward_features(x))

    def reset_classifier(self, num_classes: int) -> None:
        """Put a fresh classifier in place; the rest of the network keeps its weights."""
        if num_classes < 0:
            raise SwiftletError(
                f"num_classes={num_classes} is negative; give 0 (features) or more."
            )
        self.num_classes = num_classes
        if num_classes == 0:
            self.classifier = nn.Identity()
            return
        like = next(self.parameters())
        linear = nn.Linear(self.num_features, num_classes, device=like.device, dtype=like.dtype)
        draw(linear.weight, 0.01)
        nn.init.zeros_(linear.bias)
        self.classifier = linear
