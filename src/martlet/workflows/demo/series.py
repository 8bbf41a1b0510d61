"""The stations of `demo series`."""

from collections.abc import Callable
from pathlib import Path

from martlet.console.progress import Voice
from martlet.data.series.simulated import write_day, write_motions
from martlet.workflows.demo.stations import (
    counted,
    ended,
    evaluated,
    exported,
    free_name,
    predicted,
)
from martlet.workflows.run_folder import Run

MODEL = "shufflenet_series_x0_5"


def tour(train: Callable[..., Run], folder: Path, epochs: int, quiet: bool) -> Run:
    """What the verbs do with recordings, one after the other; `train` is the verb itself."""
    voice = Voice(quiet)
    name = free_name(folder, "demo-series")
    voice.heading("1. data: simulated motions of ten people, a phone's two sensors, as CSV files")
    motions = write_motions(folder / "motions")
    voice.heading(f"2. train {MODEL} on windows of 2.56 s; two people are held out")
    run = train(
        motions,
        model=MODEL,
        window="2.56s",
        epochs=epochs,
        folder=folder,
        name=name,
        quiet=quiet,
    )
    voice.heading("3. evaluate on the people that are held out")
    evaluated(run, motions, voice, quiet=True)
    voice.heading("4. cost of one window")
    counted(run, voice, "window")
    exported(run, voice)
    voice.heading("6. somebody else's day in one recording, labelled by the exported file")
    place = run.folder / "day_timeline"
    predicted(run, [write_day(run.folder / "day.csv")], voice, {"output": place, "quiet": True})
    ended(
        run,
        voice,
        f"look at {place / 'timeline.png'} and report.html",
        "next, on recordings of your own (docs/series.md says how they may lie):",
        "martlet train recordings/ --model shufflenet_series --window 2.56s",
    )
    return run
