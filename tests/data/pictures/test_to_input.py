import numpy as np
import pytest
import torch

from martlet.data.pictures.preprocess import Preprocess
from martlet.data.pictures.to_input import ToInput


@pytest.mark.parametrize("channels", ["RGB", "L"])
def test_input_is_what_preprocess_gives(channels: str) -> None:
    preprocess = Preprocess(size=9, channels=channels)
    pixels = np.random.default_rng(0).integers(0, 256, (3, 9, 9, len(channels)), np.uint8)
    given = torch.from_numpy(pixels)
    found = ToInput(preprocess)(given)
    assert found.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(found.numpy(), preprocess.normalise(pixels))
