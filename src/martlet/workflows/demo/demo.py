"""The stations of `demo`."""

import json
from collections.abc import Callable
from pathlib import Path

from martlet.console import tables
from martlet.console.progress import Voice
from martlet.data.pictures.digits import write_digits
from martlet.workflows.demo.stations import (
    counted,
    ended,
    evaluated,
    exported,
    free_name,
    predicted,
)
from martlet.workflows.measure import Asked, time_engines
from martlet.workflows.run_folder import SPLIT, Run

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
    evaluated(run, digits, voice, quiet)
    voice.heading("4. cost and latency")
    counted(run, voice, "picture")
    tables.measured(time_engines(run.folder, Asked(seconds=1.0)), voice.console)
    exported(run, voice)
    voice.heading("6. predict ten held-out pictures with the exported file")
    held_out = json.loads((run.folder / SPLIT).read_text())["test"]
    step = max(1, len(held_out) // 10)
    predicted(run, [digits / path for path, _, _ in held_out[::step][:10]], voice)
    ended(
        run,
        voice,
        f"open {run.folder / 'report.html'} in a browser to see it all",
        "next, on pictures of your own (a folder with one folder of pictures per class):",
        "martlet train photos/ --model shufflenet_v2_x1_0",
    )
    return run
