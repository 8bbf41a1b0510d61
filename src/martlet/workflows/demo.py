"""The stations of `demo`."""

import json
from collections.abc import Callable
from pathlib import Path

from martlet.console import network_tables, tables
from martlet.console.progress import Voice
from martlet.data.pictures.digits import write_digits
from martlet.measuring.cost import cost
from martlet.training import checkpoint
from martlet.workflows.evaluate import score
from martlet.workflows.export import export_run
from martlet.workflows.measure import time_engines
from martlet.workflows.predict import answers
from martlet.workflows.run_folder import EXPORTED, SPLIT, Run

MODEL = "shufflenet_v2_x0_5"


def tour(train: Callable[..., Run], folder: Path, epochs: int, quiet: bool) -> Run:
    """What the verbs do, one after the other, each announced; `train` is the verb itself."""
    voice = Voice(quiet)
    name = free_name(folder, "demo")
    voice.heading("1. data: scikit-learn's scanned digits as picture files")
    digits = write_digits(folder / "digits")
    voice.heading(f"2. train {MODEL}, the form for small pictures")
    run = train(
        digits,
        model=MODEL,
        epochs=epochs,
        image_size=32,
        channels="L",
        resize="squash",
        crop_scale=0.75,
        ema=0.98,
        flip=False,
        folder=folder,
        name=name,
        quiet=quiet,
    )
    voice.heading("3. evaluate on the held-out fifth")
    metrics = score(run.folder, digits, "test", 0.01, "auto", quiet)
    tables.evaluated(metrics, voice.console)
    voice.heading("4. cost and latency")
    model, header = checkpoint.load_model(run.checkpoint)
    shape = (1, *header.preprocess.shape)
    network_tables.cost_line(cost(model, shape), voice.console)
    tables.measured(time_engines(run.folder, (), 1, 1, 1.0, None), voice.console)
    voice.heading("5. export to ONNX, verified against PyTorch")
    tables.exported(export_run(run.folder, "onnx", None), voice.console)
    voice.heading("6. predict ten held-out pictures with the exported file")
    held_out = json.loads((run.folder / SPLIT).read_text())["test"]
    step = max(1, len(held_out) // 10)
    pictures = [digits / path for path, _, _ in held_out[::step][:10]]
    tables.predicted(answers(run.folder / EXPORTED, pictures, 3, "auto", {}), voice.console)
    voice.heading("done")
    voice.say(f"made {run.folder}: {', '.join(sorted(p.name for p in run.folder.iterdir()))}")
    voice.say(f"open {run.folder / 'report.html'} in a browser to see it all")
    voice.say("next, on pictures of your own (a folder with one folder of pictures per class):")
    voice.say("  martlet train photos/ --model shufflenet_v2_x1_0")
    return run


def free_name(folder: Path, name: str) -> str:
    """`name`, or `name`-2, -3, … : the first that does not exist in `folder`."""
    number, candidate = 1, name
    while (folder / candidate).exists():
        number += 1
        candidate = f"{name}-{number}"
    return candidate
