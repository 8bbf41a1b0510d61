"""A network that answers with the mean over several views of each picture."""

import numpy as np
from numpy.typing import NDArray

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.sources import image_of
from martlet.data.pictures.views import VIEWS, Views, views
from martlet.errors import MartletError
from martlet.inference.network import Named, Network


class ManyViews(Network):
    """A network of pictures that runs VIEWS[tta] times for each, which takes as many times as long.

    The mean is of logits, not of probabilities: a temperature and the threshold of unknown pictures
    were fitted on logits, and hold for their mean as it is.
    """

    def __init__(self, network: Network, tta: Views) -> None:
        """Raises MartletError for a network of other data than pictures."""
        self.__dict__.update(network.__dict__)
        if not isinstance(self.preprocess, Preprocess):
            raise MartletError(f"tta={tta!r} is for pictures, and {self.path} takes other data.")
        self._views, self.tta = VIEWS[tta], tta
        self._batch = max(1, self._batch // self._views)

    def inputs(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """A picture as it is cached (H, W, C) -> its views, (views, C, size, size)."""
        assert isinstance(self.preprocess, Preprocess)
        return self.preprocess.normalise(views(pixels, self.preprocess, self.tta))

    def logits(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        """Means over views (N, views, C, size, size) -> (N, classes)."""
        found = super().logits(batch.reshape(-1, *batch.shape[2:]))
        means: NDArray[np.float32] = found.reshape(len(batch), self._views, -1).mean(axis=1)
        return means

    def _read(self, named: Named) -> NDArray[np.float32] | str:
        assert isinstance(self.preprocess, Preprocess)
        try:
            return self.inputs(self.preprocess.resize(image_of(named[1])))
        except MartletError as error:
            return str(error)


def over_views(network: Network, tta: Views) -> Network:
    """The network itself for "none", else one that answers with the mean over views."""
    return network if tta == "none" else ManyViews(network, tta)
