"""`measure --roofline`: where memory is a network's limit, and where the multipliers are."""

import tempfile
from dataclasses import asdict
from pathlib import Path

from martlet.compiler import profile_onnx
from martlet.console.progress import Voice
from martlet.measuring.bandwidth import bandwidth
from martlet.models import Classifier
from martlet.models.detectors import Detector
from martlet.report.roofline import LayerPoint, Roofs, draw_roofline
from martlet.storage.csv_rows import as_text
from martlet.storage.files import write_text
from martlet.workflows.bare_network import write_bare
from martlet.workflows.run_folder import ROOFLINE

PICTURE, TABLE = ROOFLINE


def write_roofline(
    model: Classifier | Detector,
    shape: tuple[int, ...],
    name: str,
    folder: Path,
    start: str,
    seconds: float,
) -> str:
    """Time each layer in C on one core, measure the roofs, and draw; what it shows, in a sentence.

    Files are called `start` and roofline.png, roofline.csv. Raises MartletError without a C
    compiler, for a network that is not supported, and when the folder cannot be written.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "model.onnx"
        write_bare(model, path, shape, model.num_classes)
        profile = profile_onnx(path, seconds=seconds)
    points = [
        LayerPoint(
            one.summary,
            one.operator,
            one.milliseconds,
            one.macs - one.saved_macs,
            one.bytes,
            one.saved_macs,
        )
        for one in profile.layers
    ]
    roofs = Roofs(profile.peak_gflops, bandwidth())
    title = f"{name}, one core, {' × '.join(map(str, shape))}"
    told = draw_roofline(points, roofs, title, folder / f"{start}{PICTURE}")
    write_text(folder / f"{start}{TABLE}", _table(points, roofs))
    Voice().say(f"{folder / f'{start}{PICTURE}'}: {told}")
    return told


def _table(points: list[LayerPoint], roofs: Roofs) -> str:
    return as_text(
        [
            {
                **asdict(point),
                "milliseconds": f"{point.milliseconds:.5f}",
                "operations_per_byte": f"{point.intensity:.3f}",
                "gflops": f"{point.gflops:.2f}",
                "roof_gflops": f"{roofs.at(point.intensity) if point.macs else 0.0:.2f}",
            }
            for point in points
        ]
    )
