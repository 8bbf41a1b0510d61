"""The README's bar chart, from results/latency.csv: python benchmarks/latency_chart.py."""

import csv
from io import BytesIO
from pathlib import Path

from matplotlib.figure import Figure
from native import LIMIT
from PIL import Image

from martlet.report import style

HERE = Path(__file__).parent
PICTURE = HERE.parent / "docs" / "latency.png"
NAMES = {
    "martlet": "martlet",
    "onnxruntime": "ONNX Runtime",
    "openvino": "OpenVINO",
    "litert": "LiteRT (XNNPACK)",
    "executorch": "ExecuTorch (XNNPACK)",
    "ncnn": "ncnn",
}
OURS = "martlet"
ALONE = "martlet, one thread"  # beside several
COLUMNS = 4
MOST = 2.5  # times ours, from where on a bar is cut


def draw(results: Path, picture: Path = PICTURE) -> None:
    """One small chart per network: a bar per engine, ours first, with milliseconds and ratio."""
    with results.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    networks = list(dict.fromkeys(row["network"] for row in rows))
    lines = -(-len(networks) // COLUMNS)
    with style.house_style():
        figure = Figure(figsize=(3.1 * COLUMNS, 1.75 * lines + 0.75), dpi=style.DOTS_PER_INCH)
        grid = figure.add_gridspec(
            lines, COLUMNS, left=0.125, right=0.985, top=1 - 0.85 / figure.get_figheight(),
            bottom=0.03, wspace=0.22, hspace=0.3,
        )  # fmt: skip
        for number, network in enumerate(networks):
            axes = figure.add_subplot(grid[number // COLUMNS, number % COLUMNS])
            times = {r["engine"]: float(r["median_ms"]) for r in rows if r["network"] == network}
            shown = [engine for engine in NAMES if engine in times]
            unit = times[OURS]
            for place, engine in enumerate(shown):
                ours, end = engine == OURS, min(times[engine], MOST * unit)
                axes.barh(place, end, height=0.78, color=style.BLUE if ours else style.FAINT)
                text = f"{times[engine]:.2f}" + ("" if ours else f" · {times[engine] / unit:.2f}×")
                text = f"… {text}" if end < times[engine] else text
                axes.text(
                    end + 0.06 * unit, place, text, size=7.5, va="center",
                    weight="bold" if ours else "normal",
                )  # fmt: skip
            if LIMIT in times:
                axes.plot([times[LIMIT]] * 2, [-0.39, 0.39], color=style.ORANGE, linewidth=2)
            axes.set_title(network, size=9, loc="left", weight="bold")
            labels = [NAMES[engine] for engine in shown] if number % COLUMNS == 0 else []
            axes.set_yticks(range(len(shown)) if labels else [], labels, size=8)
            axes.set_ylim(len(shown) - 0.5, -0.5)
            axes.set_xlim(0, (MOST + 1.5) * unit)
            axes.set_xticks([])
            for side in axes.spines.values():
                side.set_visible(False)
            axes.tick_params(length=0)
        row = rows[0]
        head = 1 - 0.25 / figure.get_figheight()
        figure.text(
            0.01, head, "Milliseconds for one picture: float32, batch 1, one thread, 224 × 224",
            size=11, weight="bold",
        )  # fmt: skip
        told = (
            f"{row['cpu']}, {row['date']}; median of {row['rounds']} rounds in turns. "
            "Behind: times martlet's. Orange: the multiplications alone, at the measured peak."
        )
        figure.text(0.01, head - 0.25 / figure.get_figheight(), told, size=8, color=style.MUTED)
        image = Image.open(BytesIO(style.png(figure, told)))
        image.quantize(64, dither=Image.Dither.NONE).save(picture, optimize=True)  # a third as big


if __name__ == "__main__":
    draw(HERE / "results" / "latency.csv")
