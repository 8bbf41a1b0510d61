"""The report of `compile --report`: a row per layer, and a picture of them."""

import csv
import io
from dataclasses import asdict, fields
from pathlib import Path

from martlet.compiler.runtime.layer_times import LayerTime, Profile
from martlet.report.layers import Bar, draw_layers
from martlet.storage.files import write_text


def write_layers(profile: Profile, folder: Path, name: str) -> None:
    """NAME_layers.csv and NAME_layers.png in `folder`."""
    text = io.StringIO()
    table = csv.DictWriter(text, [field.name for field in fields(LayerTime)], lineterminator="\n")
    table.writeheader()
    table.writerows(asdict(layer) for layer in profile.layers)
    write_text(folder / f"{name}_layers.csv", text.getvalue())
    bars = [
        Bar(layer.name, layer.summary, layer.milliseconds, layer.gflops) for layer in profile.layers
    ]
    title = f"{name}, target {profile.target}, one core"
    draw_layers(bars, profile.peak_gflops, title, folder / f"{name}_layers.png")
