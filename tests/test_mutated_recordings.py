"""Recordings in every layout, a file mutated with a fixed seed: a sentence or an answer, always.

From the files to what a network is given, split by subject; nothing is printed.
"""

import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas
import pytest
from numpy.typing import NDArray
from scipy.io import savemat
from tests.mutated import Counts, mutated_bytes

from martlet.data.series import kind
from martlet.data.series.kind import SERIES
from martlet.data.series.split import split
from martlet.workflows.train.options import TrainOptions

Write = Callable[[Path], None]
ROWS = 60  # of a recording
HEAD = (
    "@problemName x\n@timestamps false\n@univariate true\n@equalLength true\n@classLabel true a b"
)


def noise(*shape: int, seed: int = 0) -> NDArray[np.float64]:
    return np.random.default_rng(seed).normal(size=shape).round(3)


def frame(seed: int, rows: int = ROWS) -> pandas.DataFrame:
    values = dict(zip("xyz", noise(3, rows, seed=seed), strict=True))
    return pandas.DataFrame({"time": np.arange(rows) / 50, **values})


def folders(write: Callable[[pandas.DataFrame, Path], Any], suffix: str) -> Write:
    def all_of(root: Path) -> None:
        for seed, (activity, subject) in enumerate((a, s) for a in "ab" for s in range(1, 5)):
            path = root / f"act {activity}" / f"sub_{subject}.{suffix}"
            path.parent.mkdir(exist_ok=True)
            write(frame(seed), path)

    return all_of


def table(root: Path) -> None:
    parts = [
        frame(seed).assign(label=label, subject=subject)
        for seed, (subject, label) in enumerate((s, a) for s in range(4) for a in ("run", "walk"))
    ]
    pandas.concat(parts).to_csv(root / "a.csv", index=False)


def arrays(root: Path) -> None:
    numbers = np.arange(16)
    np.savez(root / "a.npz", X=noise(16, 30, 2), y=numbers % 2, groups=numbers // 4, rate=50.0)


def ts(root: Path) -> None:
    for seed, part in enumerate(("TRAIN", "TEST")):
        rows = noise(12, 20, seed=seed).tolist()
        lines = [f"{','.join(map(str, row))}:{'ab'[n % 2]}" for n, row in enumerate(rows)]
        (root / f"A_{part}.ts").write_text("\n".join([HEAD, "@data", *lines, ""]))


def uci_har(root: Path) -> None:
    for seed, (part, subjects) in enumerate((("train", [1, 3, 5]), ("test", [2, 4]))):
        folder = root / part / "Inertial Signals"
        folder.mkdir(parents=True)
        for number, axis in enumerate("xyz"):
            values = noise(12, 32, seed=9 * seed + number)
            np.savetxt(folder / f"body_acc_{axis}_{part}.txt", values, fmt="%g")
        numbers = np.arange(12)
        np.savetxt(root / part / f"y_{part}.txt", numbers % 2 + 1, fmt="%d")
        of = np.array(subjects)[numbers % len(subjects)]
        np.savetxt(root / part / f"subject_{part}.txt", of, fmt="%d")
    (root / "activity_labels.txt").write_text("1 WALKING\n2 SITTING\n")


def wisdm(root: Path) -> None:
    lines = [
        f"{1 + n // 80},{'Walking' if n // 40 % 2 else 'Jogging'},{10**13 + n * 50_000_000},"
        f"{x},{y},{z};"
        for n, (x, y, z) in enumerate(noise(320, 3).tolist())
    ]
    (root / "WISDM_ar_v1.1_raw.txt").write_text("\n".join(lines))


def pamap2(root: Path) -> None:
    (root / "Protocol").mkdir()
    for subject in range(101, 105):
        rows = noise(90, 54, seed=subject)
        rows[:, 0], rows[:, 1] = np.arange(90) / 100, np.repeat([0, 4, 5], 30)
        rows[np.arange(90) % 9 > 0, 2] = np.nan
        np.savetxt(root / "Protocol" / f"subject{subject}.dat", rows, fmt="%g")


def opportunity(root: Path) -> None:
    names = [f"Column: {number} Sensor{number}; value = x" for number in range(1, 251)]
    (root / "column_names.txt").write_text("\n".join(names))
    (root / "label_legend.txt").write_text("1   -   Sensor244   -   Stand\n2   -   S   -   Walk\n")
    for subject in range(1, 4):
        rows = noise(90, 250, seed=subject)
        rows[:, 0], rows[:, 243:] = np.arange(90) * 33, 0
        rows[:, 243] = np.repeat([0, 1, 2], 30)
        np.savetxt(root / f"S{subject}-ADL1.dat", rows, fmt="%.3g")


def unimib(root: Path) -> None:
    numbers = np.arange(16)
    kinds = np.stack([numbers % 2 + 1, numbers // 4 + 1, numbers % 2 + 1], axis=1)
    savemat(root / "adl_data.mat", {"adl_data": noise(16, 453)})
    savemat(root / "adl_labels.mat", {"adl_labels": kinds})
    names = np.array([["A", "a"], ["B", "b"]], object)
    savemat(root / "adl_names.mat", {"adl_names": names})


def usc_had(root: Path) -> None:
    for subject in range(1, 4):
        (root / f"Subject{subject}").mkdir()
        for activity in (1, 2):
            values = noise(ROWS, 6, seed=9 * subject + activity)
            path = root / f"Subject{subject}" / f"a{activity}t1.mat"
            savemat(path, {"sensor_readings": values}, do_compression=activity == 2)


def dsads(root: Path) -> None:
    for person in range(1, 4):
        for activity in (1, 2):
            folder = root / f"a0{activity}" / f"p{person}"
            folder.mkdir(parents=True)
            values = noise(40, 45, seed=9 * person + activity)
            np.savetxt(folder / "s01.txt", values, delimiter=",", fmt="%g")


LAYOUTS: dict[str, Write] = {
    "csv": folders(lambda made, path: made.to_csv(path, index=False), "csv"),
    "semicolons": folders(
        lambda made, path: made.to_csv(path, index=False, sep=";", decimal=","), "csv"
    ),
    "parquet": folders(lambda made, path: made.set_index("time").to_parquet(path), "parquet"),
    "table": table,
    "npz": arrays,
    "ts": ts,
    "uci": uci_har,
    "wisdm": wisdm,
    "pamap2": pamap2,
    "opportunity": opportunity,
    "unimib": unimib,
    "usc": usc_had,
    "dsads": dsads,
}


def through(layout: str, root: Path) -> None:
    """What training makes of them before its first step."""
    whole = layout in ("npz", "ts", "uci", "unimib")
    column = "Sensor244" if layout == "opportunity" else None
    options = TrainOptions(window=None if whole else 16, label_column=column)
    preprocess = kind.prepare(options, None, {})
    samples = SERIES.read(
        root, preprocess, options=options, max_bad=0, min_classes=2, check=None, progress=None
    )
    made = split(samples, options)  # type: ignore[arg-type]
    fitted, windows = kind.fit(preprocess, samples, made.train)  # type: ignore[arg-type]
    inputs = fitted.normalise(np.stack([windows[index] for index in range(len(windows))]))
    assert np.isfinite(inputs).all()


@pytest.mark.parametrize("count", [2, pytest.param(300, marks=pytest.mark.long)])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_recordings(
    tmp_path: Path, layout: str, count: int, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "good").mkdir()
    LAYOUTS[layout](tmp_path / "good")
    through(layout, tmp_path / "good")
    files = sorted(path for path in (tmp_path / "good").rglob("*") if path.is_file())
    counts = Counts()
    for seed in range(count):
        draw, root = random.Random(f"{layout} {seed}"), tmp_path / "changed"
        shutil.rmtree(root, ignore_errors=True)
        shutil.copytree(tmp_path / "good", root)
        path = root / draw.choice(files).relative_to(tmp_path / "good")
        path.write_bytes(mutated_bytes(path.read_bytes(), draw))
        counts.try_out(lambda root=root: through(layout, root))
    counts.show(layout)
    assert sum(counts.ends.values()) == count
    out, err = capfd.readouterr()
    assert (out.count("\n"), err) == (1, "")
