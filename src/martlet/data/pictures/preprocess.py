"""One picture in, the network's numbers out: the same steps for every use.

Training, evaluation, prediction, the checkpoint and the exported file all carry this one object,
so that none of them can see a picture differently. No torch here: an exported network runs with
NumPy and Pillow alone.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from martlet.data.pictures.decode import upright_rgb
from martlet.data.pictures.sources import image_of
from martlet.errors import MartletError, unknown

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
LARGEST_SIZE = 4096
LARGEST_NUMBER = 1e30  # of mean and std: float32 holds it
LONGEST_RATIO = 32  # long side / short side: beyond it rule "crop" would blow the picture up

_RESAMPLING = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
}
_CHANNELS = {
    "RGB": (IMAGENET_MEAN, IMAGENET_STD),
    "BGR": (IMAGENET_MEAN[::-1], IMAGENET_STD[::-1]),
    "L": ((0.5,), (0.5,)),
}


@dataclass(frozen=True)
class Preprocess:
    """How a picture becomes float32 numbers (C, size, size).

    size: side of the square fed to the network, pixels.
    rule: "crop" scales the short side to round(size / crop_pct) and cuts the centre out, as
        torchvision's Resize and CenterCrop do; "squash" scales both sides to `size`.
    interpolation: of the resize, antialiased as Pillow does it.
    mean, std: per channel, of values 0..1. Left out: ImageNet's for RGB and BGR, 0.5 for L.

    Raises MartletError for a value that is not accepted.
    """

    size: int
    rule: Literal["crop", "squash"] = "crop"
    crop_pct: float = 0.875
    interpolation: Literal["bilinear", "bicubic"] = "bilinear"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    channels: Literal["RGB", "BGR", "L"] = "RGB"

    def __post_init__(self) -> None:
        whole = isinstance(self.size, int) and not isinstance(self.size, bool)
        if not whole or not 1 <= self.size <= LARGEST_SIZE:
            raise MartletError(
                f"size={self.size!r} is not a whole number of pixels from 1 to {LARGEST_SIZE}."
            )
        _one_of("rule", self.rule, ("crop", "squash"))
        _one_of("interpolation", self.interpolation, tuple(_RESAMPLING))
        _one_of("channels", self.channels, tuple(_CHANNELS))
        if not _is_number(self.crop_pct) or not 0.1 <= self.crop_pct <= 1:
            raise MartletError(f"crop_pct={self.crop_pct!r} is not a number from 0.1 to 1.")
        object.__setattr__(self, "crop_pct", float(self.crop_pct))
        mean, std = _CHANNELS[self.channels]
        object.__setattr__(self, "mean", _per_channel("mean", self.mean or mean, len(mean)))
        object.__setattr__(self, "std", _per_channel("std", self.std or std, len(std)))
        if min(self.std) <= 0:
            raise MartletError(f"std={self.std} has to be above 0 for every channel.")
        with np.errstate(all="ignore"):
            if not np.isfinite([self.scale, self.bias]).all():
                raise MartletError(
                    f"mean={self.mean}, std={self.std} give no finite numbers; give values of the "
                    "size of a picture's, 0 to 1."
                )

    def __call__(self, picture: Any) -> NDArray[np.float32]:
        """What `sources.find_sources` lists, a path for one -> float32 (C, size, size).

        Raises BadPicture (a MartletError) for what cannot be read as a picture.
        """
        return self.normalise(self.crop(self.resize(image_of(picture))))

    def resize(self, image: Image.Image) -> NDArray[np.uint8]:
        """Picture -> uint8 (H, W, C): the part that is the same in every epoch and gets cached."""
        image = upright_rgb(image)
        if self.channels == "L":
            image = image.convert("L")
        target = self._target(image.width, image.height)
        if target != image.size:
            image = image.resize(target, _RESAMPLING[self.interpolation])
        pixels = np.array(image, dtype=np.uint8)
        if self.channels == "BGR":
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        return pixels[..., None] if pixels.ndim == 2 else pixels

    def crop(self, pixels: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """uint8 (..., H, W, C) -> (..., size, size, C), a view of the centre."""
        height, width = pixels.shape[-3:-1]
        if height < self.size or width < self.size:
            raise MartletError(f"pixels of {width}x{height} are smaller than size={self.size}.")
        # Python's round() takes halves to the even neighbour; torchvision cuts at the same place.
        top, left = round((height - self.size) / 2), round((width - self.size) / 2)
        return pixels[..., top : top + self.size, left : left + self.size, :]

    def seen(self, width: int, height: int) -> tuple[float, float, float, float]:
        """Left, top, right, bottom of what the network sees, in pixels of the upright picture.

        Where it lies in the picture of these sides; those of the pixels' edges. Raises MartletError
        as `resize` does.
        """
        wide, high = self._target(width, height)
        left, top = round((wide - self.size) / 2), round((high - self.size) / 2)
        across, down = width / wide, height / high
        right, bottom = (left + self.size) * across, (top + self.size) * down
        return left * across, top * down, right, bottom

    def normalise(self, pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
        """uint8 (..., H, W, C) -> float32 (..., C, H, W), contiguous: pixels * scale + bias."""
        planes = np.moveaxis(pixels, -1, -3)
        values: NDArray[np.float32] = planes.astype(np.float32, order="C")
        values *= self.scale[:, None, None]
        values += self.bias[:, None, None]
        return values

    @property
    def kind(self) -> str:
        """Of data: the key of `kinds.KINDS`."""
        return "image"

    @property
    def in_chans(self) -> int:
        """3, or 1 for gray."""
        return len(self.mean)

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of one input of the network: (C, size, size)."""
        return len(self.mean), self.size, self.size

    @property
    def scale(self) -> NDArray[np.float32]:
        """float32 (C,): 1 / (255 * std)."""
        return np.array([1 / (255 * std) for std in self.std], dtype=np.float32)

    @property
    def bias(self) -> NDArray[np.float32]:
        """float32 (C,): -mean / std."""
        pairs = zip(self.mean, self.std, strict=True)
        return np.array([-mean / std for mean, std in pairs], dtype=np.float32)

    @property
    def resized(self) -> dict[str, str | int]:
        """What the outcome of `resize` depends on: equal dicts, equal cached pixels."""
        side = self.size if self.rule == "squash" else self._short_side
        return {
            "rule": self.rule,
            "side": side,
            "interpolation": self.interpolation,
            "channels": self.channels,
        }

    def to_dict(self) -> dict[str, Any]:
        """JSON-safe values of every field; `from_dict` is the way back."""
        return {k: list(v) if isinstance(v, tuple) else v for k, v in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Preprocess":
        """The Preprocess that `to_dict` described.

        Raises MartletError for an unknown key, a missing size or a value that is not accepted.
        """
        if not isinstance(values, Mapping):
            raise MartletError(f"preprocess={values!r} is not a table of settings.")
        names = [field.name for field in fields(cls)]
        for key in values:
            if key not in names:
                raise unknown("preprocess setting", str(key), names)
        if "size" not in values:
            raise MartletError("preprocess has no 'size', the side of the network's input.")
        return cls(**values)

    @property
    def _short_side(self) -> int:
        return round(self.size / self.crop_pct)

    def _target(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) after `resize`; the long side is cut to a whole pixel as torchvision."""
        if self.rule == "squash":
            return self.size, self.size
        short, long = min(width, height), max(width, height)
        if long > LONGEST_RATIO * short:
            raise MartletError(
                f"a picture of {width}x{height} pixels is more than {LONGEST_RATIO} times as long "
                "as wide, too much for rule='crop'; use rule='squash'."
            )
        side = self._short_side
        scaled = int(side * long / short)
        return (side, scaled) if width <= height else (scaled, side)


def _one_of(name: str, value: object, accepted: tuple[str, ...]) -> None:
    if value not in accepted:
        raise unknown(name, str(value), accepted)


def _is_number(value: object) -> bool:
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return False
    return abs(value) <= LARGEST_NUMBER  # not for NaN


def _per_channel(name: str, values: Any, count: int) -> tuple[float, ...]:
    listed = isinstance(values, (list, tuple))
    if not listed or len(values) != count or not all(_is_number(v) for v in values):
        raise MartletError(f"{name}={values!r} is not a list of {count} numbers, one per channel.")
    return tuple(float(v) for v in values)
