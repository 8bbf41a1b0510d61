"""What all detectors share: a network of pictures that answers with boxes."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from martlet.errors import MartletError

LEVELS = 3  # of the backbone, the coarsest ones


class Detector(nn.Module):
    """Maps (batch, in_chans, height, width) to the answers of many places, (batch, places, …).

    `places` says which place of the picture each answer is of, and `decode` makes boxes and scores
    of both. In training each place stands behind its answer, so that a loss needs nothing besides.
    """

    num_classes: int
    in_chans: int
    answering: tuple[str, ...]  # how the names of the tensors begin that answer for the classes
    exported: bool = True  # whether a file can hold it; `told` says why not
    # Of a detector that `martlet.load` opened: as of a Classifier.
    classes: tuple[str, ...] = ()
    preprocess: Any = None
    temperature: float = 1.0

    def __init__(self, num_classes: int, in_chans: int) -> None:
        super().__init__()
        if num_classes < 1:
            raise MartletError(f"num_classes={num_classes} is too small; give 1 or more.")
        self.num_classes, self.in_chans = num_classes, in_chans

    def places(self, size: Sequence[int]) -> Tensor:
        """(places, numbers of each) for pictures of (height, width)."""
        raise NotImplementedError

    def decode(self, answers: Tensor, places: Tensor) -> tuple[Tensor, Tensor]:
        """Answers of evaluation mode as boxes and scores.

        Boxes (batch, places, 4) are left, top, right and bottom in pixels of the network's picture,
        or (batch, places, num_classes, 4) where each class has its own; scores (batch, places,
        num_classes) are 0 to 1.
        """
        raise NotImplementedError

    def told(self) -> dict[str, Any]:
        """How a place answers, for files and programs without this code: `kind`, and more of it.

        tasks/detection/answers.py lists the kinds.
        """
        raise NotImplementedError
