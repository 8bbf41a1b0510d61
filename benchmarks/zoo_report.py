"""What results/zoo.csv shows: a table by kind of network, the slowest ones, and a picture.

python benchmarks/zoo_report.py    # prints the tables, draws docs/zoo.png
"""

from collections.abc import Iterable
from io import BytesIO
from math import exp, log
from pathlib import Path
from statistics import fmean

from matplotlib.figure import Figure
from PIL import Image
from record import rows_of

from martlet.report import style

NAME = "zoo"
PICTURE = Path(__file__).parent.parent / "docs" / "zoo.png"
PEERS = ("onnxruntime", "openvino", "litert")
LEAST = 0.9  # of the fastest other: what no network is to be below
GOAL = 1.3  # what all together are to reach
SLOWEST = 10
Row = dict[str, str]
# What a network's name begins with, or has in it -> what it is shown with. The first one counts.
KINDS = {
    "ShuffleNet and its kin": (
        "shufflenet", "menet", "igcv", "dicenet", "condensenet", "espnet", "sqnxt", "squeeze",
    ),
    "GhostNet": ("ghost", "repghost"),
    "whole convolutions": (
        "res", "reg", "dla", "dark", "vovnet", "hgnet", "hardnet", "gernet", "peleenet",
        "inception", "cspnext", "convnext", "fasternet", "repvit", "fastvit", "starnet", "nf_",
    ),
    "attention over places": (
        "vit", "levit", "edgenext", "former", "vim", "pvt", "xcit", "cpubone", "shvit",
    ),
    "MobileNet, EfficientNet, searched ones": (
        "mobile", "efficientnet", "mnas", "fbnet", "proxyless", "hardcore", "tinynet", "spnas",
        "mixnet", "rexnet", "lcnet", "nasnet",
    ),
}  # fmt: skip
OTHER, MAPS = "others", "maps, boxes' necks, sounds, tokens"
MACS, RATIOS = (1, 3, 10, 30, 100, 300, 1000), (0.7, 1, 1.5, 2, 3, 4, 6)  # marked on the axes
COLORS = (style.BLUE, style.GREEN, style.RED, style.ORANGE, style.INK, style.MUTED, "#CC79A7")


def kind_of(row: Row) -> str:
    """What a network is shown with."""
    if row["library"] == "others":
        return MAPS
    name = row["network"]
    found = (kind for kind, words in KINDS.items() if any(word in name for word in words))
    return next(found, OTHER)


def best_rows(rows: Iterable[Row]) -> list[Row]:
    """One for each network: of the exporter with which it was compiled, if there is one."""
    found: dict[str, Row] = {}
    for row in rows:
        known = found.setdefault(row["network"], row)
        if known["problem"] and not row["problem"]:
            found[row["network"]] = row
    return list(found.values())


def ratio_of(row: Row) -> float:
    """The fastest other's milliseconds over ours; 0 where none was timed."""
    others = [float(row[f"{peer}_ms"]) for peer in PEERS if row[f"{peer}_ms"]]
    return min(others) / float(row["martlet_ms"]) if others and row["martlet_ms"] else 0.0


def is_exact(row: Row) -> bool:
    """At most 1e-5 of the scale from float64, or no further than ONNX Runtime."""
    far, theirs = (float(row[key] or "nan") for key in ("apart", "onnxruntime_apart"))
    return far <= 1e-5 or far <= theirs


def kinds_table() -> str:
    """How many compile, are exact, and how fast: by kind, and all."""
    rows = best_rows(rows_of(NAME))
    kinds: dict[str, list[Row]] = {kind: [] for kind in (*KINDS, MAPS, OTHER)}
    for row in rows:
        kinds[kind_of(row)].append(row)
    heads = ("networks", "compile", "as exact", "fastest other", "lowest", f"below {LEAST}×")
    lines = [f"| {' | '.join(heads)} |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for kind, own in [*kinds.items(), ("**all**", rows)]:
        ratios = [ratio for ratio in map(ratio_of, own) if ratio]
        if not own:
            continue
        made = [row for row in own if not row["problem"]]
        mean, low = (
            (f"{exp(fmean(map(log, ratios))):.2f}×", f"{min(ratios):.2f}×")
            if ratios
            else ("–", "–")
        )
        cells = (
            kind, f"{len(made)} of {len(own)}", str(sum(map(is_exact, made))), mean, low,
            str(sum(ratio < LEAST for ratio in ratios)),
        )  # fmt: skip
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def slowest_table() -> str:
    """The networks where the fastest other comes closest, or is ahead."""
    rows = sorted(filter(ratio_of, best_rows(rows_of(NAME))), key=ratio_of)[:SLOWEST]
    lines = ["| network | martlet | ONNX Runtime | OpenVINO | LiteRT | fastest other |"]
    lines.append("| --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        times = [f"{float(row[k]):.2f}" if row[k] else "–" for k in _times()]
        lines.append(f"| `{row['network']}` | {' | '.join(times)} | {ratio_of(row):.2f}× |")
    return "\n".join(lines)


def _times() -> list[str]:
    return [f"{engine}_ms" for engine in ("martlet", *PEERS)]


def draw(picture: Path = PICTURE) -> None:
    """Each network a point: multiply-adds, and how many times as long the fastest other takes."""
    rows = list(filter(ratio_of, best_rows(rows_of(NAME))))
    mean = exp(fmean(log(ratio_of(row)) for row in rows))
    told = (
        f"{rows[0]['cpu']}, {rows[-1]['date']}; float32, one picture, one thread. Above 1×: "
        f"martlet's C is faster. Geometric mean of {len(rows)}: {mean:.2f}×."
    )
    with style.house_style():
        figure = Figure(figsize=(10, 5.2), dpi=style.DOTS_PER_INCH)
        axes = figure.add_axes((0.065, 0.11, 0.92, 0.74))
        for color, kind in zip(COLORS, (*KINDS, MAPS, OTHER), strict=True):
            own = [row for row in rows if kind_of(row) == kind]
            axes.scatter(
                [max(1.0, float(row["macs_m"])) for row in own], [*map(ratio_of, own)], s=16,
                color=color, alpha=0.75, linewidths=0, label=f"{kind} ({len(own)})",
            )  # fmt: skip
        for level, text in ((1.0, "as fast"), (mean, "mean")):
            axes.axhline(level, color=style.MUTED, linewidth=0.8, zorder=0)
            axes.annotate(
                text, (0.0, level), (4, 3), xycoords=("axes fraction", "data"),
                textcoords="offset points", ha="left", size=8, color=style.MUTED,
            )  # fmt: skip
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xticks(MACS, [*map(str, MACS)])
        axes.set_yticks(RATIOS, [f"{ratio:g}×" for ratio in RATIOS])
        axes.minorticks_off()
        axes.set_xlabel("million multiply-adds")
        axes.legend(loc="upper right", frameon=False, fontsize=8, ncols=2)
        title = "Time of the fastest of ONNX Runtime, OpenVINO and LiteRT over that of martlet's C"
        figure.text(0.01, 0.94, title, size=11, weight="bold")
        figure.text(0.01, 0.895, told, size=8, color=style.MUTED)
        image = Image.open(BytesIO(style.png(figure, told)))
        image.quantize(128, dither=Image.Dither.NONE).save(picture, optimize=True)


if __name__ == "__main__":
    print(kinds_table(), slowest_table(), sep="\n\n")
    draw()
