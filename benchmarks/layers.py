"""Where a compiled network's time goes, layer by layer, and how far each layer is from the peak.

    python benchmarks/layers.py                     # shufflenet_v2_x1_0
    python benchmarks/layers.py mobilenet_v1_x1_0

The figures of `martlet compile --report`, of the run with the highest share of the peak among
several, into results/layers_NETWORK.csv. "filled" is the share of the vectors' lanes that hold
output channels: a layer cannot reach more of the peak than that.
"""

import argparse
import re
import tempfile
from pathlib import Path
from typing import Any

from exported import exported
from record import write_rows

from martlet.compiler.pipeline import profile_onnx
from martlet.compiler.runtime.layer_times import LayerTime, Profile
from martlet.compiler.targets import native
from martlet.models import spec

RUNS = 5


def best_profile(name: str) -> Profile:
    """Of several, the one with the highest share of the peak: the least disturbed."""
    with tempfile.TemporaryDirectory() as folder:
        _, path = exported(name, Path(folder))
        profiles = [profile_onnx(path, seconds=2) for _ in range(RUNS)]
    return max(profiles, key=lambda one: one.gflops / one.peak_gflops)


def filled(layer: LayerTime, lanes: int) -> float:
    """The share of lanes that hold output channels; 1 for a layer without products."""
    found = re.search(r"→ (\d+)×", layer.summary)
    if not found or not layer.macs:
        return 1.0
    channels, tail = int(found[1]), re.search(r"tail (\d+)×", layer.tile)
    rest = int(tail[1]) if tail else lanes
    return channels / (channels // lanes * lanes + (rest if channels % lanes else 0))


def rows(profile: Profile) -> list[dict[str, Any]]:
    """One row per layer, and one of all."""
    lanes = native().lanes
    made = [
        {
            "layer": layer.name,
            "what": layer.summary,
            "tile": layer.tile,
            "microseconds": f"{1000 * layer.milliseconds:.1f}",
            "gflops": f"{layer.gflops:.0f}",
            "share_of_peak": f"{layer.share_of_peak:.3f}",
            "filled": f"{filled(layer, lanes):.3f}",
            "kilobytes": f"{layer.bytes / 1000:.0f}",
            "moved_bytes": layer.moved_bytes,
            "peak_gflops": f"{profile.peak_gflops:.0f}",
        }
        for layer in profile.layers
    ]
    total = dict.fromkeys(made[0], "") | {
        "layer": "all",
        "microseconds": f"{1000 * profile.milliseconds:.1f}",
        "gflops": f"{profile.gflops:.0f}",
        "share_of_peak": f"{profile.gflops / profile.peak_gflops:.3f}",
        "moved_bytes": profile.moved_bytes,
        "peak_gflops": f"{profile.peak_gflops:.0f}",
    }
    return [*made, total]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name", nargs="?", default="shufflenet_v2_x1_0")
    name = parser.parse_args().name
    write_rows(f"layers_{spec(name).name}", rows(best_profile(name)))


if __name__ == "__main__":
    main()
