"""The stations of `demo scenes`."""

from collections.abc import Callable
from pathlib import Path

from martlet.console.progress import Voice
from martlet.data.scenes.synthetic import COLUMNS, NAMES, ROWS, WAVELENGTHS, write_synthetic_scene
from martlet.workflows.demo.stations import (
    counted,
    ended,
    evaluated,
    exported,
    free_name,
    predicted,
)
from martlet.workflows.run_folder import Run

MODEL = "hybridsn_salinas"
WINDOW = 9


def tour(train: Callable[..., Run], folder: Path, epochs: int, quiet: bool) -> Run:
    """What the verbs do with a scene, one after the other; `train` is the verb itself."""
    voice = Voice(quiet)
    name = free_name(folder, "demo-scenes")
    voice.heading(
        f"1. data: a scene of {ROWS} × {COLUMNS} pixels and {len(WAVELENGTHS)} bands, made here of "
        f"{len(NAMES)} spectra, mixed, with noise"
    )
    files = write_synthetic_scene(folder / "synthetic-scene")
    voice.heading(f"2. train {MODEL}, by disjoint regions and, to compare, by chance")
    run = train(
        files.scene,
        labels=files.labels,
        class_names=files.class_names,
        model=MODEL,
        window=WINDOW,
        protocol="both",
        train_share=0.05,
        epochs=epochs,
        optimizer="adamw",
        folder=folder,
        name=name,
        quiet=quiet,
    )
    voice.heading("3. evaluate on the test pixels")
    known = {"labels": files.labels, "class_names": files.class_names}
    evaluated(run, files.scene, voice, quiet, known)
    voice.heading("4. cost of one window")
    counted(run, voice, "window")
    exported(run, voice)
    voice.heading("6. map the whole scene with the exported file")
    predicted(run, [files.scene], voice, {"quiet": quiet})
    ended(
        run,
        voice,
        f"open {run.folder / 'report.html'} in a browser to see it all",
        "next, on a scene of your own:",
        "martlet train scene.mat --labels gt.mat --model hybridsn",
    )
    return run
