"""Pictures with boxes are squashed, and say so wherever a network goes."""

import numpy as np
import pytest
from PIL import Image

from martlet.data import kinds
from martlet.data.boxes.preprocess import BoxPreprocess
from martlet.data.pictures.preprocess import Preprocess
from martlet.errors import MartletError


def test_nothing_is_cut_off() -> None:
    preprocess = BoxPreprocess(size=24)
    image = Image.fromarray(np.arange(40 * 20 * 3, dtype=np.uint8).reshape(20, 40, 3))
    pixels = preprocess.resize(image)
    assert pixels.shape == (24, 24, 3)
    assert np.array_equal(preprocess.crop(pixels), pixels)
    assert preprocess.seen(40, 20) == (0, 0, 40, 20)


def test_it_comes_back_from_what_a_checkpoint_has() -> None:
    preprocess = BoxPreprocess(size=32, channels="L", mean=(0.4,), std=(0.2,))
    found = kinds.preprocess_from(preprocess.to_dict())
    assert type(found) is BoxPreprocess
    assert found == preprocess
    assert found.kind == "boxes"
    plain = kinds.preprocess_from(Preprocess(size=32).to_dict())
    assert type(plain) is Preprocess
    with pytest.raises(MartletError, match="preprocess setting 'sise' is not known"):
        kinds.preprocess_from({"kind": "boxes", "sise": 3})
