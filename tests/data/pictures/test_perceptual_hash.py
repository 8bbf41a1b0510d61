import io

import numpy as np
import pytest
from PIL import Image

from martlet.data.pictures.perceptual_hash import NONE, SIDE, perceptual_hash, small_gray


def photo(seed: int, width: int = 300, height: int = 200) -> Image.Image:
    """Smooth blots of colour: as a photograph, it has most of its contrast in coarse shapes."""
    coarse = np.random.default_rng(seed).integers(0, 256, (7, 9, 3)).astype(np.uint8)
    return Image.fromarray(coarse).resize((width, height), Image.Resampling.BICUBIC)


def bits(one: Image.Image, other: Image.Image) -> int:
    hashes = [perceptual_hash(np.asarray(image.convert("RGB"))) for image in (one, other)]
    return (hashes[0] ^ hashes[1]).bit_count()


@pytest.mark.parametrize("seed", range(3))
def test_a_copy_differs_in_few_bits_and_another_picture_in_many(seed: int) -> None:
    image = photo(seed)
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=30)
    width, height = image.size
    copies = [
        Image.open(stream),
        image.resize((60, 40)),
        image.resize((150, 200)),  # squashed
        image.crop((4, 3, width - 4, height - 3)),
        image.convert("L"),
        image.point(lambda value: round(20 + 0.8 * value)),
    ]
    assert max(bits(image, copy) for copy in copies) <= 8
    assert bits(image, photo(seed + 100)) > 16


@pytest.mark.parametrize("value", [0, 128, 255])
def test_a_flat_picture_is_like_no_other(value: int) -> None:
    noise = np.random.default_rng(0).integers(-1, 2, (64, 64, 3))
    pixels = np.clip(value + noise, 0, 255).astype(np.uint8)
    assert perceptual_hash(pixels) == NONE
    assert perceptual_hash(np.asarray(photo(0))) != NONE


def test_gray_pixels_and_single_ones() -> None:
    gray = np.asarray(photo(1).convert("L"))[..., None]
    assert small_gray(gray).shape == (SIDE, SIDE)
    assert perceptual_hash(gray) == perceptual_hash(gray.repeat(3, axis=-1))
    assert perceptual_hash(np.zeros((1, 1, 3), np.uint8)) == NONE


def test_a_tiny_picture_is_like_no_other() -> None:
    def shrunk(side: int) -> int:
        return perceptual_hash(np.asarray(photo(0).resize((40, side))))

    assert shrunk(15) == NONE
    assert shrunk(16) != NONE


def test_what_counts_is_the_size_before_it_was_scaled() -> None:
    pixels = np.asarray(photo(0).resize((40, 40)))
    assert perceptual_hash(pixels, 15) == NONE
    assert perceptual_hash(pixels, 16) == perceptual_hash(pixels) != NONE
