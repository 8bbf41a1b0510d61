import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from PIL import Image
from torchvision import transforms

from martlet.data.pictures.preprocess import IMAGENET_MEAN, IMAGENET_STD, LONGEST_RATIO, Preprocess
from martlet.errors import MartletError


def noise(width: int, height: int, mode: str = "RGB") -> Image.Image:
    shape = (height, width) if mode == "L" else (height, width, 3)
    return Image.fromarray(np.random.default_rng(width * height).integers(0, 256, shape, np.uint8))


@given(
    width=st.integers(1, 700),
    height=st.integers(1, 700),
    side=st.integers(1, 64),
    crop_pct=st.sampled_from([1.0, 0.875]),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
)
@example(500, 375, 224, 0.875, "bicubic")
@example(1, 3, 224, 1.0, "bilinear")
def test_it_is_what_torchvision_does(
    width: int, height: int, side: int, crop_pct: float, interpolation: Any
) -> None:
    assume(max(width, height) <= LONGEST_RATIO * min(width, height))
    image, ours = noise(width, height), Preprocess(side, "crop", crop_pct, interpolation)
    resize = transforms.Resize(round(side / crop_pct), transforms.InterpolationMode(interpolation))
    cut = transforms.Compose([resize, transforms.CenterCrop(side)])
    np.testing.assert_array_equal(ours.crop(ours.resize(image)), np.asarray(cut(image)))
    theirs = transforms.Compose(
        [cut, transforms.ToTensor(), transforms.Normalize(IMAGENET_MEAN, IMAGENET_STD)]
    )
    np.testing.assert_allclose(ours(image), theirs(image).numpy(), atol=1e-6, rtol=0)


def test_squash_scales_both_sides() -> None:
    image, ours = noise(90, 41), Preprocess(32, rule="squash")
    theirs = transforms.Resize((32, 32))(image)
    np.testing.assert_array_equal(ours.resize(image), np.asarray(theirs))
    np.testing.assert_array_equal(ours.crop(ours.resize(image)), ours.resize(image))


def test_gray_has_one_channel() -> None:
    image, ours = noise(50, 40), Preprocess(32, channels="L", crop_pct=1)
    gray = transforms.Compose(
        [transforms.Grayscale(), transforms.Resize(32), transforms.CenterCrop(32)]
    )(image)
    np.testing.assert_array_equal(ours.crop(ours.resize(image))[..., 0], np.asarray(gray))
    assert ours(image).shape == (1, 32, 32)
    np.testing.assert_allclose(ours(image)[0], np.asarray(gray) / 127.5 - 1, atol=1e-6)


def test_bgr_is_rgb_backwards() -> None:
    image = noise(50, 40)
    rgb, bgr = Preprocess(32)(image), Preprocess(32, channels="BGR")(image)
    np.testing.assert_array_equal(bgr, rgb[::-1])


def test_a_gray_picture_for_an_rgb_network() -> None:
    image = noise(40, 40, "L")
    pixels = Preprocess(32).resize(image)
    assert pixels.shape == (37, 37, 3)
    np.testing.assert_array_equal(pixels, pixels[..., :1].repeat(3, axis=-1))


def test_normalise_takes_batches() -> None:
    ours = Preprocess(8)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 3, 8, 9, 3), np.uint8)
    values = ours.normalise(pixels)
    assert values.shape == (2, 3, 3, 8, 9)
    assert values.dtype == np.float32
    assert values.flags.c_contiguous
    np.testing.assert_array_equal(values[1, 2], ours.normalise(pixels[1, 2]))
    channel = pixels[..., 1].astype(np.float32) * ours.scale[1] + ours.bias[1]
    np.testing.assert_array_equal(values[:, :, 1], channel)


def test_a_picture_turned_by_exif_is_turned_once(tmp_path: Path) -> None:
    image, exif = noise(60, 40), Image.Exif()
    exif[0x0112] = 6  # turn by a quarter clockwise to see it upright
    image.save(tmp_path / "turned.png", exif=exif)
    ours = Preprocess(32)
    upright = ours(image.rotate(-90, expand=True))
    np.testing.assert_array_equal(ours(tmp_path / "turned.png"), upright)
    with Image.open(tmp_path / "turned.png") as opened:
        np.testing.assert_array_equal(ours(opened), upright)


def test_crop_refuses_pixels_that_are_too_small() -> None:
    with pytest.raises(MartletError, match="30x40 are smaller than size=32"):
        Preprocess(32).crop(np.zeros((40, 30, 3), np.uint8))


def test_extremely_long_pictures() -> None:
    long = Image.new("RGB", (10_000, 10))
    with pytest.raises(MartletError, match=r"10000x10 pixels .* use rule='squash'"):
        Preprocess(224)(long)
    assert Preprocess(224, rule="squash")(long).shape == (3, 224, 224)
    at_the_limit = Image.new("RGB", (LONGEST_RATIO, 1))
    assert Preprocess(32, crop_pct=1).resize(at_the_limit).shape == (32, 32 * LONGEST_RATIO, 3)


channels = st.sampled_from(["RGB", "BGR", "L"])


@given(
    size=st.integers(1, 1000),
    rule=st.sampled_from(["crop", "squash"]),
    crop_pct=st.floats(0.1, 1),
    interpolation=st.sampled_from(["bilinear", "bicubic"]),
    channels=channels,
    data=st.data(),
)
def test_round_trip_through_json(data: st.DataObject, channels: str, **settings: Any) -> None:
    count = 1 if channels == "L" else 3
    numbers = st.lists(st.floats(0.01, 2), min_size=count, max_size=count)
    mean, std = data.draw(st.just(()) | numbers), data.draw(st.just(()) | numbers)
    ours = Preprocess(channels=channels, mean=mean, std=std, **settings)  # type: ignore[arg-type]
    again = Preprocess.from_dict(json.loads(json.dumps(ours.to_dict())))
    assert again == ours
    assert hash(again) == hash(ours)


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"size": 0}, "size=0 is not a whole number of pixels"),
        ({"size": -3}, "size=-3"),
        ({"size": 2.5}, "size=2.5"),
        ({"size": True}, "size=True"),
        ({"size": "224"}, "size='224'"),
        ({"size": 10**6}, "size=1000000"),
        ({"rule": "corp"}, "rule 'corp' is not known; did you mean crop"),
        ({"rule": ["crop"]}, "rule"),
        (
            {"interpolation": "nearest"},
            "interpolation 'nearest' is not known; did you mean bilinear",
        ),
        ({"channels": "rgb"}, "channels 'rgb' is not known"),
        ({"crop_pct": 0}, "crop_pct=0 is not a number from 0.1 to 1"),
        ({"crop_pct": 1.01}, "crop_pct=1.01"),
        ({"crop_pct": float("nan")}, "crop_pct=nan"),
        ({"crop_pct": "1"}, "crop_pct='1'"),
        ({"mean": [0.5]}, r"mean=\[0.5\] is not a list of 3 numbers"),
        ({"mean": 0.5}, "mean=0.5"),
        ({"mean": ["a", "b", "c"]}, "mean="),
        ({"std": [0.2, float("inf"), 0.2]}, "std="),
        ({"std": [0.2, 0, 0.2]}, "std=.* above 0"),
        ({"channels": "L", "mean": [0.5, 0.5, 0.5]}, "list of 1 numbers"),
        ({"sizes": 3}, "preprocess setting 'sizes' is not known; did you mean size"),
    ],
)
def test_bad_settings_are_named(settings: dict[str, Any], sentence: str) -> None:
    with pytest.raises(MartletError, match=sentence):
        Preprocess.from_dict({"size": 224, **settings})


def test_settings_have_to_be_a_table_with_a_size() -> None:
    with pytest.raises(MartletError, match="no 'size'"):
        Preprocess.from_dict({"rule": "crop"})
    with pytest.raises(MartletError, match="not a table"):
        Preprocess.from_dict([224])  # type: ignore[arg-type]


def test_resized_tells_which_settings_change_the_pixels() -> None:
    base = Preprocess(224, crop_pct=0.875)
    assert Preprocess(256, crop_pct=1, mean=(0, 0, 0)).resized == base.resized
    for other in (
        Preprocess(224, crop_pct=0.9),
        Preprocess(256, rule="squash"),
        Preprocess(224, interpolation="bicubic"),
        Preprocess(224, channels="BGR"),
    ):
        assert other.resized != base.resized


@pytest.mark.parametrize(("width", "height"), [(600, 300), (300, 600), (601, 333), (40, 40)])
@pytest.mark.parametrize("settings", [{"rule": "crop"}, {"rule": "squash"}, {"crop_pct": 1.0}])
def test_what_is_seen_is_what_crop_leaves(width: int, height: int, settings: Any) -> None:
    """Of a picture whose values are its places, the corners of the crop are those of the box."""
    preprocess = Preprocess(64, **settings)
    left, top, right, bottom = preprocess.seen(width, height)
    for axis, (start, end) in enumerate([(left, right), (top, bottom)]):
        length = (width, height)[axis]
        ramp = np.linspace(0, 255, length)
        values = np.broadcast_to(ramp if axis == 0 else ramp[:, None], (height, width))
        image = Image.fromarray(np.rint(values).astype(np.uint8))
        cropped = preprocess.crop(preprocess.resize(image))[..., 0].astype(float)
        middle = cropped[32] if axis == 0 else cropped[:, 32]
        pixel = (end - start) / 64  # of the crop, in pixels of the picture
        places = middle[[8, 55]] / 255 * (length - 1) + 0.5
        expected = start + np.array([8.5, 55.5]) * pixel
        np.testing.assert_allclose(places, expected, atol=1 + length / 255)
