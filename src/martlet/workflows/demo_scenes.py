"""The stations of `demo scenes`."""

from collections.abc import Callable
from pathlib import Path

from martlet.console import network_tables, tables
from martlet.console.progress import Voice
from martlet.data.scenes.synthetic import COLUMNS, NAMES, ROWS, WAVELENGTHS, write_synthetic_scene
from martlet.measuring.cost import cost
from martlet.training import checkpoint
from martlet.workflows.demo import free_name
from martlet.workflows.evaluate import score
from martlet.workflows.export import export_run
from martlet.workflows.predict import answers
from martlet.workflows.run_folder import EXPORTED, Run

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
    options = {"labels": files.labels, "class_names": files.class_names}
    metrics = score(run.folder, files.scene, "test", 0.01, "auto", quiet, options)
    tables.evaluated(metrics, voice.console)
    voice.heading("4. cost of one window")
    model, header = checkpoint.load_model(run.checkpoint)
    network_tables.cost_line(cost(model, (1, *header.preprocess.shape)), voice.console, "window")
    voice.heading("5. export to ONNX, verified against PyTorch")
    tables.exported(export_run(run.folder, "onnx", None), voice.console)
    voice.heading("6. map the whole scene with the exported file")
    asked = {"output": None, "array": None, "bands_axis": None, "quiet": quiet}
    tables.predicted(answers(run.folder / EXPORTED, [files.scene], 3, "auto", asked), voice.console)
    voice.heading("done")
    voice.say(f"made {run.folder}: {', '.join(sorted(p.name for p in run.folder.iterdir()))}")
    voice.say(f"open {run.folder / 'report.html'} in a browser to see it all")
    voice.say("next, on a scene of your own:")
    voice.say("  martlet train scene.mat --labels gt.mat --model hybridsn")
    return run
