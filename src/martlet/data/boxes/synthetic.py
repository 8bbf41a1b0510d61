"""Pictures of shapes on textures, made on the spot, with boxes as Ultralytics writes them."""

import colorsys
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from martlet.storage.files import write_text

NAMES = ("disc", "square", "triangle")
WIDTH, HEIGHT = 160, 120
PARTS = {"train": 240, "val": 40, "test": 60}
MOST = 4  # shapes of a picture
SMALLEST, LARGEST = 14, 44  # sides of a shape's box, pixels
MOST_OVERLAP = 0.15  # of a box's area that another one may hide


class Files(NamedTuple):
    """What `train` is given: the folder of pictures and texts, and data.yaml."""

    folder: Path
    names: Path


def write_shapes(folder: Path, seed: int = 0) -> Files:
    """Write images/PART/NNN.png, labels/PART/NNN.txt and data.yaml; the same ones for a seed."""
    rng = np.random.default_rng(seed)
    for part, count in PARTS.items():
        for number in range(count):
            image, boxes = shapes(rng)
            place = folder / "images" / part / f"{number:03}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            image.save(place)
            text = folder / "labels" / part / f"{number:03}.txt"
            text.parent.mkdir(parents=True, exist_ok=True)
            write_text(text, "".join(line(*box) for box in boxes))
    names = folder / "data.yaml"
    entries = "".join(f"{part}: images/{part}\n" for part in PARTS)
    write_text(names, f"path: .\n{entries}names: [{', '.join(NAMES)}]\n")
    return Files(folder, names)


def line(kind: int, left: int, top: int, right: int, bottom: int) -> str:
    """Class, centre and sides as fractions of the picture."""
    middle = (left + right) / 2 / WIDTH, (top + bottom) / 2 / HEIGHT
    sides = (right - left) / WIDTH, (bottom - top) / HEIGHT
    return f"{kind} {middle[0]:.6f} {middle[1]:.6f} {sides[0]:.6f} {sides[1]:.6f}\n"


def shapes(rng: np.random.Generator) -> tuple[Image.Image, list[tuple[int, int, int, int, int]]]:
    """A picture, and its shapes as class, left, top, right, bottom; some have none."""
    image = Image.fromarray(texture(rng))
    pen = ImageDraw.Draw(image)
    boxes: list[tuple[int, int, int, int, int]] = []
    for _ in range(int(rng.integers(0, MOST + 1))):
        kind, side = int(rng.integers(len(NAMES))), int(rng.integers(SMALLEST, LARGEST))
        left, top = int(rng.integers(0, WIDTH - side)), int(rng.integers(0, HEIGHT - side))
        box = (kind, left, top, left + side, top + side)
        if any(hidden(box, other) > MOST_OVERLAP for other in boxes):
            continue
        fill = colorsys.hsv_to_rgb(float(rng.random()), 0.9, float(rng.uniform(0.6, 1.0)))
        draw(pen, box, tuple(round(255 * value) for value in fill))
        boxes.append(box)
    return image, boxes


def draw(
    pen: ImageDraw.ImageDraw, box: tuple[int, int, int, int, int], fill: tuple[int, ...]
) -> None:
    """One shape that fills its box."""
    kind, left, top, right, bottom = box
    inner = (left, top, right - 1, bottom - 1)
    if NAMES[kind] == "disc":
        pen.ellipse(inner, fill=fill)
    elif NAMES[kind] == "square":
        pen.rectangle(inner, fill=fill)
    else:
        pen.polygon(((left, bottom - 1), ((left + right - 1) / 2, top), (right - 1, bottom - 1)),
                    fill=fill)  # fmt: skip


def texture(rng: np.random.Generator) -> NDArray[np.uint8]:
    """(HEIGHT, WIDTH, 3): soft clouds, nearly gray, and noise."""
    coarse = (rng.uniform(60, 190) + rng.normal(0, 20, (5, 6, 3))).clip(0, 255).astype(np.uint8)
    clouds = Image.fromarray(coarse).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
    noise = rng.normal(0, 12, (HEIGHT, WIDTH, 3))
    found: NDArray[np.uint8] = np.clip(np.asarray(clouds) + noise, 0, 255).astype(np.uint8)
    return found


def hidden(box: tuple[int, ...], other: tuple[int, ...]) -> float:
    """The share of the smaller box's area that both have."""
    across = min(box[3], other[3]) - max(box[1], other[1])
    down = min(box[4], other[4]) - max(box[2], other[2])
    smaller = min((one[3] - one[1]) * (one[4] - one[2]) for one in (box, other))
    return max(0, across) * max(0, down) / smaller
