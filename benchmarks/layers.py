"""Where a compiled network's time goes, layer by layer, and how far each layer is from the peak.

    python benchmarks/layers.py                     # shufflenet_v2_x1_0
    python benchmarks/layers.py mobilenet_v1_x1_0

The figures of `martlet compile --report`, of the run with the highest share of the peak among
several, into results/layers_NETWORK.csv. "filled" is the share of the vectors' lanes that hold
output channels: a layer cannot reach more of the peak than that.
"""

import argparse
import tempfile
from math import prod
from pathlib import Path
from typing import Any

from exported import exported
from record import write_rows

from martlet.compiler.frontend.importer import load, read_model
from martlet.compiler.ir.program import Layer
from martlet.compiler.kernels.classifier_head import Head
from martlet.compiler.kernels.depthwise_pool import Windowed
from martlet.compiler.kernels.gemm import Product
from martlet.compiler.pipeline import profile_onnx, program_of
from martlet.compiler.runtime.layer_times import Profile
from martlet.compiler.targets import native
from martlet.models import spec

RUNS = 5


def best_profile(name: str) -> tuple[Profile, list[float]]:
    """Of several, the one with the highest share of the peak: the least disturbed.

    With it comes, for each layer, the share of lanes that hold output channels.
    """
    with tempfile.TemporaryDirectory() as folder:
        _, path, _ = exported(name, Path(folder))
        profiles = [profile_onnx(path, seconds=2) for _ in range(RUNS)]
        program, _ = program_of(read_model(load(path)), native())
    return max(profiles, key=lambda one: one.gflops / one.peak_gflops), list(
        map(filled, program.layers)
    )


def filled(layer: Layer) -> float:
    """The share of lanes that hold output channels; 1 for a layer without products."""
    made = layer.product if isinstance(layer, Head) else layer
    if isinstance(made, Product):
        lanes = made.y.lanes
        return len(made.weight) / (len(made.blocks) * lanes - (lanes - made.tail) * bool(made.tail))
    if isinstance(made, Windowed) and made.macs:
        return prod(made.x.axes) / (len(made.x.blocks()) * made.y.lanes)
    return 1.0


def rows(profile: Profile, shares: list[float]) -> list[dict[str, Any]]:
    """One row per layer, and one of all."""
    made = [
        {
            "layer": layer.name,
            "what": layer.summary,
            "tile": layer.tile,
            "microseconds": f"{1000 * layer.milliseconds:.1f}",
            "gflops": f"{layer.gflops:.0f}",
            "share_of_peak": f"{layer.share_of_peak:.3f}",
            "filled": f"{share:.3f}",
            "kilobytes": f"{layer.bytes / 1000:.0f}",
            "moved_bytes": layer.moved_bytes,
            "peak_gflops": f"{profile.peak_gflops:.0f}",
        }
        for layer, share in zip(profile.layers, shares, strict=True)
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
    write_rows(f"layers_{spec(name).name}", rows(*best_profile(name)))


if __name__ == "__main__":
    main()
