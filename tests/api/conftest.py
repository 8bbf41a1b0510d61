from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from swiftlet.api.run import Run
from swiftlet.api.train import train

# A run of two steps per epoch that takes well under a second an epoch.
QUICK = {
    "model": "shufflenet_v2_x0_5",
    "image_size": 16,
    "epochs": 2,
    "batch_size": 8,
    "crop_scale": 0.6,
    "workers": 0,
    "quiet": True,
}


def draw(path: Path, colour: tuple[int, int, int], seed: int, size: tuple[int, int]) -> None:
    """A noisy picture of one colour: easy to tell from another colour."""
    noise = np.random.default_rng(seed).integers(-40, 40, (*size, 3))
    pixels = np.clip(np.array(colour) + noise, 0, 255).astype(np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def draw_folder(folder: Path, per_class: int = 12) -> Path:
    """Three classes told apart by their colour."""
    colours = {"red": (200, 40, 40), "green": (40, 200, 40), "blue": (40, 40, 200)}
    for number, (name, colour) in enumerate(colours.items()):
        for i in range(per_class):
            draw(folder / name / f"{i:03}.png", colour, 1000 * number + i, (20, 24))
    return folder


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tests never touch the user's pixel cache."""
    folder = tmp_path_factory.mktemp("cache")
    patch = pytest.MonkeyPatch()
    patch.setenv("SWIFTLET_CACHE", str(folder))
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_folder(tmp_path_factory.mktemp("data") / "photos")


@pytest.fixture(scope="session")
def trained(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A finished run on `photos`; not to be written to."""
    folder = tmp_path_factory.mktemp("trained")
    return train(photos, folder=folder, name="run", **{**QUICK, "epochs": 6})


@pytest.fixture
def quick(photos: Path, tmp_path: Path) -> Callable[..., Run]:
    """`train` on `photos` with quick settings, into `tmp_path`."""

    def run(**options: object) -> Run:
        return train(**{"data": photos, "folder": tmp_path, "name": "run", **QUICK, **options})

    return run
