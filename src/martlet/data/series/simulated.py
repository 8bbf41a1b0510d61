"""Recordings of simulated motions, of a phone in a pocket: to try everything on."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

RATE = 50  # Hz
CHANNELS = ("acc_x", "acc_y", "acc_z", "gyr_x", "gyr_y", "gyr_z")
GRAVITY = 9.81  # m/s²
# Of each motion: steps a second, m/s² of the swing along the body, share of its second harmonic,
# rad/s of the leg's turn, and the lean of the thigh in degrees.
MOTIONS = {
    "run": (2.7, 9.0, 0.3, 2.6, 15.0),
    "sit": (0.0, 0.0, 0.0, 0.0, 85.0),
    "stairs": (1.4, 2.2, 1.1, 1.2, 30.0),
    "stand": (0.0, 0.0, 0.0, 0.0, 5.0),
    "walk": (1.9, 3.0, 0.4, 1.7, 12.0),
}


def simulate(
    motion: str, seconds: float, subject: int, seed: int, rate: int = RATE
) -> NDArray[np.float32]:
    """(seconds · rate, 6): acceleration in m/s² and turning in rad/s, of one of MOTIONS.

    A subject has a pace, a strength, and a pocket in which the phone lies turned; from step to
    step these wander a little, and sensors add noise.
    """
    steps, swing, second, turn, lean = MOTIONS[motion]
    own = np.random.default_rng((subject, 7))
    pace, strength = own.normal(1.0, 0.06), own.normal(1.0, 0.15)
    angles = own.normal(0.0, (0.1, 0.1, 0.2))
    generator = np.random.default_rng((subject, seed))
    count = round(seconds * rate)
    wander = np.cumsum(generator.normal(0, 0.02, count)) / rate
    phase = 2 * np.pi * (steps * pace * np.arange(count) / rate + wander) + generator.uniform(0, 6)
    beat = np.sin(phase) + second * np.sin(2 * phase + 0.7)
    side = np.sin(phase / 2 + 0.3)  # the hips sway once in two steps
    tilt = np.radians(lean + 4 * generator.normal()) + 0.15 * (steps > 0) * side
    along = GRAVITY + strength * swing * beat
    values = np.stack(
        [
            0.35 * strength * swing * side,
            along * np.cos(tilt),
            along * np.sin(tilt) + 0.3 * strength * swing * np.cos(phase),
            strength * turn * side,
            0.4 * strength * turn * beat,
            0.3 * strength * turn * np.cos(phase / 2),
        ],
        axis=1,
    )
    turned = _rotation(angles)
    values = np.concatenate([values[:, :3] @ turned.T, values[:, 3:] @ turned.T], axis=1)
    noise = generator.normal(0, 1, values.shape) * ([0.35] * 3 + [0.12] * 3)
    return (values + noise).astype(np.float32)


def write_motions(folder: Path, subjects: int = 10, seconds: float = 24.0) -> Path:
    """A recording a motion and subject, as `walk/subject3.csv`; returns `folder`."""
    for number, motion in enumerate(MOTIONS):
        (folder / motion).mkdir(parents=True, exist_ok=True)
        for subject in range(1, subjects + 1):
            values = simulate(motion, seconds, subject, number)
            _write(folder / motion / f"subject{subject}.csv", values)
    return folder


def write_day(path: Path, subject: int = 99) -> Path:
    """One long recording of somebody else, with the motion of each sample in column "label"."""
    day = [("sit", 24), ("stand", 9), ("walk", 31), ("stairs", 17), ("walk", 14), ("run", 22)]
    day += [("stand", 11), ("sit", 20)]
    parts = [simulate(name, length, subject, n) for n, (name, length) in enumerate(day)]
    names = [name for name, length in day for _ in range(length * RATE)]
    _write(path, np.concatenate(parts), names)
    return path


def _rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """About x, then y, then z."""
    (cx, cy, cz), (sx, sy, sz) = np.cos(angles), np.sin(angles)
    about_x = np.array([[1, 0, 0], [0, cx, -sx], [0, sx, cx]])
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_z = np.array([[cz, -sz, 0], [sz, cz, 0], [0, 0, 1]])
    made: NDArray[np.float64] = about_z @ about_y @ about_x
    return made


def _write(path: Path, values: NDArray[np.float32], labels: list[str] | None = None) -> None:
    head = ["time_s", *CHANNELS, *(["label"] if labels else [])]
    lines = [",".join(head)]
    for number, row in enumerate(values.tolist()):
        cells = [f"{number / RATE:.2f}", *(f"{value:.4f}" for value in row)]
        lines.append(",".join([*cells, *([labels[number]] if labels else [])]))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
