"""The stations of `demo`."""

import json
from pathlib import Path

from martlet.api.evaluate import evaluate
from martlet.api.export import export
from martlet.api.measure import measure
from martlet.api.predict import predict
from martlet.api.train import train
from martlet.console import tables
from martlet.console.progress import Voice
from martlet.data.pictures.digits import write_digits
from martlet.measuring.cost import cost
from martlet.training import checkpoint
from martlet.workflows.run_folder import SPLIT, Run

MODEL = "shufflenet_v2_x0_5"


def tour(folder: Path, epochs: int, voice: Voice) -> Run:
    """All seven verbs, one after the other, each announced."""
    quiet = voice.console.quiet
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
    metrics = evaluate(run.folder, digits, quiet=quiet)
    tables.evaluated(metrics, voice.console)
    voice.heading("4. cost and latency")
    model, header = checkpoint.load_model(run.checkpoint)
    shape = (1, len(header.preprocess.mean), header.preprocess.size, header.preprocess.size)
    tables.cost_line(cost(model, shape), voice.console)
    tables.measured(measure(run.folder, seconds=1.0), voice.console)
    voice.heading("5. export to ONNX, verified against PyTorch")
    file = export(run.folder)
    tables.exported(file, voice.console)
    voice.heading("6. predict ten held-out pictures with the exported file")
    held_out = json.loads((run.folder / SPLIT).read_text())["test"]
    step = max(1, len(held_out) // 10)
    pictures = [digits / path for path, _, _ in held_out[::step][:10]]
    tables.predicted(predict(file.path, pictures, top=3), voice.console)
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
