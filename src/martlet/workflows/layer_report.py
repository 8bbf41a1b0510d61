"""The report of `compile --report`: a row per layer, and a picture of them."""

from dataclasses import asdict
from pathlib import Path

from martlet.compiler.runtime.layer_times import Profile
from martlet.report.layers import Bar, draw_layers
from martlet.storage.csv_rows import as_text
from martlet.storage.files import write_text


def write_layers(profile: Profile, folder: Path, name: str) -> None:
    """NAME_layers.csv and NAME_layers.png in `folder`."""
    write_text(folder / f"{name}_layers.csv", as_text([asdict(one) for one in profile.layers]))
    bars = [
        Bar(layer.name, layer.summary, layer.milliseconds, layer.gflops) for layer in profile.layers
    ]
    title = f"{name}, target {profile.target}, one core"
    draw_layers(bars, profile.peak_gflops, title, folder / f"{name}_layers.png")
