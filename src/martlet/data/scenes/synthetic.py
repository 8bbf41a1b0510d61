"""A scene made on the spot: fields of mixed spectra under a sensor's noise, and its label map."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

NAMES = ("water", "bare soil", "grass", "wheat", "maize", "roofs")
ROWS, COLUMNS = 120, 100
WAVELENGTHS = np.arange(410, 1000, 10.0)  # nm
FIELDS = 34
NOISE = 0.015  # standard deviation, as a share of full reflectance
BRIGHTNESS = 0.12  # of the fields: standard deviation of a factor
UNLIKE = 0.25  # of white noise, smoothed to about a quarter of it: a field's own factor at a band


@dataclass(frozen=True)
class SceneFiles:
    """Where the three files lie."""

    scene: Path
    labels: Path
    class_names: Path


def spectra() -> NDArray[np.float64]:
    """Reflectances (classes, bands), 0..1, in the shapes that such surfaces have."""
    return np.stack(
        [
            0.02 + 0.07 * _bump(520, 90),
            0.08 + 0.24 * _rise(620, 110),
            0.03 + 0.09 * _bump(550, 35) + 0.44 * _rise(718, 14),
            0.04 + 0.07 * _bump(555, 45) + 0.39 * _rise(722, 17) - 0.03 * _bump(970, 40),
            0.03 + 0.10 * _bump(550, 38) + 0.40 * _rise(715, 13) + 0.02 * _rise(850, 30),
            0.17 + 0.10 * _rise(580, 30) + 0.02 * _bump(760, 60),
        ]
    )


def _bump(centre: float, width: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = np.exp(-(((WAVELENGTHS - centre) / width) ** 2))
    return found


def _rise(centre: float, width: float) -> NDArray[np.float64]:
    found: NDArray[np.float64] = 1 / (1 + np.exp(-(WAVELENGTHS - centre) / width))
    return found


def make_scene(seed: int = 0) -> tuple[NDArray[np.uint16], NDArray[np.uint8], NDArray[np.float64]]:
    """A scene, its label map, and what it was mixed of; the same seed makes the same ones.

    Fields are the cells of points by chance. A pixel is a mixture of its field's class, of the bare
    soil between plants, and of what is beside it. Each field has its own brightness, its own cover
    and a spectrum somewhat unlike that of its class, as real ones have: who has seen the field
    itself knows more than who has seen others of its class.

    Returns (rows, columns, bands) in 1/10,000 of full reflectance; (rows, columns), 0 at the
    borders of fields; and the share of each class in each pixel, (rows, columns, classes).
    """
    generator = np.random.default_rng(seed)
    classes, bands = len(NAMES), len(WAVELENGTHS)
    points = generator.uniform((0, 0), (ROWS, COLUMNS), (FIELDS, 2))
    of_field = np.arange(FIELDS) % classes
    places = np.moveaxis(np.indices((ROWS, COLUMNS)), 0, -1)[:, :, None] - points
    distances = np.linalg.norm(places, axis=-1)
    field = distances.argmin(-1)
    shares = np.eye(classes)[of_field[field]]
    of_class = generator.uniform(0.45, 0.95, FIELDS)[field]
    cover = np.clip(generator.normal(of_class, 0.06), 0.3, 1)[..., None]
    planted = np.isin(of_field[field], (2, 3, 4))[..., None]
    shares = np.where(planted, cover * shares + (1 - cover) * np.eye(classes)[1], shares)
    shares = gaussian_filter(shares, (0.7, 0.7, 0))
    unlike = gaussian_filter(generator.normal(size=(FIELDS, bands)), (0, 6)) * UNLIKE
    bright = np.clip(generator.normal(1, BRIGHTNESS, FIELDS), 0.6, 1.4)[:, None] * (1 + unlike)
    noise = generator.normal(0, NOISE, (ROWS, COLUMNS, bands))
    values = bright[field] * (shares @ spectra()) + noise
    nearest = np.sort(distances, -1)
    labels = np.where(nearest[..., 1] - nearest[..., 0] < 2.0, 0, of_field[field] + 1)
    scene = np.rint(10_000 * values.clip(0, 1)).astype(np.uint16)
    return scene, labels.astype(np.uint8), shares


def write_synthetic_scene(folder: Path, seed: int = 0) -> SceneFiles:
    """Write scene.npz (with its wavelengths), labels.npy and names.txt into a folder, once."""
    files = SceneFiles(folder / "scene.npz", folder / "labels.npy", folder / "names.txt")
    folder.mkdir(parents=True, exist_ok=True)
    scene, labels, _ = make_scene(seed)
    np.savez(files.scene, scene=scene, wavelengths=WAVELENGTHS)
    np.save(files.labels, labels)
    lines = [f"{value} {name}" for value, name in enumerate(NAMES, 1)]
    files.class_names.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return files
