"""The stations of `demo boxes`."""

from collections.abc import Callable
from pathlib import Path

from martlet.console import tables
from martlet.console.progress import Voice
from martlet.data.boxes.synthetic import NAMES, PARTS, write_shapes
from martlet.workflows.demo.stations import counted, ended, evaluated, free_name
from martlet.workflows.predict import answers
from martlet.workflows.predict_boxes import DRAWN
from martlet.workflows.run_folder import Run

MODEL = "shufflenet_v2_x0_5"
SIDE = 128
SHOWN = 6  # pictures that are predicted


def tour(train: Callable[..., Run], folder: Path, epochs: int, quiet: bool) -> Run:
    """What the verbs do with boxes, one after the other; `train` is the verb itself."""
    voice = Voice(quiet)
    name = free_name(folder, "demo-boxes")
    voice.heading(
        f"1. data: {sum(PARTS.values())} pictures of shapes on textures, made here, their boxes in "
        f"YOLO's format ({', '.join(NAMES)})"
    )
    files = write_shapes(folder / "shapes")
    voice.heading(f"2. train the detector lite on {MODEL}")
    run = train(
        files.folder,
        boxes=files.names,
        model=MODEL,
        image_size=SIDE,
        epochs=epochs,
        batch_size=8,
        folder=folder,
        name=name,
        quiet=quiet,
    )
    voice.heading("3. evaluate on the test part")
    evaluated(run, files.folder, voice, quiet, {"boxes": files.names, "boxes_for": "upright"})
    voice.heading("4. cost of one picture")
    counted(run, voice, "picture")
    voice.heading(f"5. find boxes in {SHOWN} test pictures, and draw them")
    pictures = sorted((files.folder / "images" / "test").iterdir())[:SHOWN]
    drawn = run.folder / DRAWN
    tables.predicted(answers(run.folder, pictures, 3, "auto", {"output": drawn}), voice.console)
    ended(
        run,
        voice,
        f"open {run.folder / 'report.html'} in a browser to see it all, and {drawn} for pictures",
        "next, on pictures of your own:",
        "martlet train photos/ --boxes annotations/ --model shufflenet_v2_x1_0 --image-size 320",
    )
    return run
