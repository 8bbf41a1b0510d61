"""The stations of `demo series`."""

from collections.abc import Callable
from pathlib import Path

from martlet.console import network_tables, tables
from martlet.console.progress import Voice
from martlet.data.series.simulated import write_day, write_motions
from martlet.measuring.cost import cost
from martlet.training import checkpoint
from martlet.workflows.demo import free_name
from martlet.workflows.evaluate import score
from martlet.workflows.export import export_run
from martlet.workflows.predict import answers
from martlet.workflows.run_folder import EXPORTED, Run

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
    metrics = score(run.folder, motions, "test", 0.01, "auto", True)
    tables.evaluated(metrics, voice.console)
    voice.heading("4. cost")
    model, header = checkpoint.load_model(run.checkpoint)
    network_tables.cost_line(cost(model, (1, *header.preprocess.shape)), voice.console, "window")
    voice.heading("5. export to ONNX, verified against PyTorch")
    tables.exported(export_run(run.folder, "onnx", None), voice.console)
    voice.heading("6. somebody else's day in one recording, labelled by the exported file")
    day = write_day(run.folder / "day.csv")
    options = {"output": run.folder / "day_timeline", "quiet": True}
    tables.predicted(answers(run.folder / EXPORTED, [day], 1, "auto", options), voice.console)
    voice.heading("done")
    voice.say(f"made {run.folder}: {', '.join(sorted(p.name for p in run.folder.iterdir()))}")
    voice.say(f"look at {run.folder / 'day_timeline' / 'timeline.png'} and report.html")
    voice.say("next, on recordings of your own (docs/series.md says how they may lie):")
    voice.say("  martlet train recordings/ --model shufflenet_series --window 2.56s")
    return run
