"""The tables of docs/compiling.md and of the README, from the files in results/ and the code.

python benchmarks/latency_tables.py    # writes them between the marks of both pages
"""

import csv
import re
from collections.abc import Callable, Iterable
from pathlib import Path

import microcontrollers
from in_c import IN_C
from latency_chart import ALONE, NAMES, OURS
from native import BEHIND, LIMIT

from martlet.compiler import targets
from martlet.compiler.lowering.kernel_table import KERNELS
from martlet.compiler.lowering.views import VIEWS

HERE = Path(__file__).parent
ROOT = HERE.parent
README_NETWORKS = (
    "shufflenet_v1_g3_x1_0",
    "shufflenet_v2_x0_5",
    "shufflenet_v2_x1_0",
    "shufflenet_v2_x2_0",
    "mobilenet_v2_x1_0",
    "mobilenet_v3_large_x1_0",
)
ENGINES = {**NAMES, "torch": "PyTorch", "emx-onnx-cgen": "emx-onnx-cgen"}


def read(name: str) -> list[dict[str, str]]:
    """The rows of results/NAME.csv."""
    with (HERE / "results" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def engines_table(name: str) -> str:
    """Milliseconds of every engine; how many times the fastest of the others takes.

    What is compared with the multipliers' peak, or with one thread, is the time in C.
    """
    rows = read(name)
    found = {(row["network"], row["engine"]): float(row["median_ms"]) for row in rows}
    known = {row["engine"] for row in rows}
    shown = [engine for engine in ENGINES if engine in known]
    heads = ["network", *(ENGINES[engine] for engine in shown), "fastest other", "in C"]
    heads += ["share of peak", "at its clock"] if LIMIT in known else []
    heads += ["over one thread"] if ALONE in known else []
    lines = [_line(heads), _line(["---", *["---:"] * (len(heads) - 1)])]
    for network in dict.fromkeys(row["network"] for row in rows):
        times = {engine: found.get((network, engine)) for engine in shown}
        others = [ms for engine, ms in times.items() if ms and engine != OURS]
        own = found[network, OURS + IN_C]
        cells = [f"{ms:.2f}" if ms else "–" for ms in times.values()]
        cells += [f"{min(others) / found[network, OURS]:.2f}×", f"{own:.2f}"]
        if LIMIT in known:
            cells += [f"{found[network, limit] / own:.0%}" for limit in (LIMIT, BEHIND)]
        if ALONE in known:
            cells.append(f"{found[network, ALONE + IN_C] / own:.2f}×")
        lines.append(_line([f"`{network}`", *cells]))
    return "\n".join(lines)


def memory_table() -> str:
    """Workspace beside ONNX Runtime's arena."""
    lines = [
        _line(["network", "workspace", "ONNX Runtime's arena"]),
        _line(["---", "---:", "---:"]),
    ]
    for row in read("memory"):
        sizes = [
            f"{int(row[k]) / 1e6:.2f} MB" for k in ("workspace_bytes", "onnxruntime_arena_bytes")
        ]
        lines.append(_line([f"`{row['network']}`", *sizes]))
    return "\n".join(lines)


def readme_table() -> str:
    """Sizes, and three engines."""
    heads = ["network", "params", "MACs", "ONNX file", "PyTorch, ms", "ONNX Runtime, ms", "C, ms"]
    lines = [_line(heads), _line(["---", *["---:"] * 6])]
    found = {(row["network"], row["engine"]): row for row in read("latency")}
    for network in README_NETWORKS:
        row = found[network, OURS]
        cells = [f"{int(row['params']) / 1e6:.2f} M", f"{int(row['macs']) / 1e6:.0f} M"]
        cells.append(f"{int(row['onnx_bytes']) / 1e6:.1f} MB")
        for engine in ("torch", "onnxruntime", OURS):
            cells.append(f"{float(found[network, engine]['median_ms']):.2f}")
        lines.append(_line([f"`{network}`", *cells]))
    return "\n".join(lines)


def kernels_table() -> str:
    """What each kind of the compiler's kernels serves."""
    rows = [
        "| kernels | number types | targets | operators |",
        "| --- | --- | --- | --- |",
        f"| views: no instruction remains | any | all | {_listed((*VIEWS, 'Dropout'))} |",
    ]
    for kernels in KERNELS:
        names = [name for name in targets.NAMES if kernels.serves(targets.target(name))]
        where = "all" if names == [*targets.NAMES] else ", ".join(f"`{name}`" for name in names)
        types = ", ".join(map(str, kernels.dtypes))
        made_inside = {"IntegerDiv", "Interleaved", "JoinedPlaces", "ScaleShift"}
        operators = _listed({*kernels.rules} - made_inside)
        rows.append(f"| {kernels.name} | {types} | {where} | {operators} |")
    return "\n".join(rows)


def _listed(operators: Iterable[str]) -> str:
    return ", ".join(sorted(operators))


TABLES: dict[str, Callable[[], str]] = {
    "latency": lambda: engines_table("latency"),
    "avx2": lambda: engines_table("latency_avx2"),
    "threads": lambda: engines_table("latency_2_threads"),
    "boxes": lambda: engines_table("latency_boxes"),
    "memory": memory_table,
    "readme": readme_table,
    "kernels": kernels_table,
    "microcontrollers": microcontrollers.table,
}
WITH_TABLES = ("compiling", "detection", "microcontrollers")
PAGES = (ROOT / "README.md", *(ROOT / "docs" / f"{page}.md" for page in WITH_TABLES))
MARKED = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """A page with those tables made anew that are of latency."""

    def anew(found: re.Match[str]) -> str:
        if found[2] not in TABLES:
            return found[0]
        return f"{found[1]}\n{TABLES[found[2]]()}\n\n{found[3]}"

    return MARKED.sub(anew, text)


def _line(cells: list[str]) -> str:
    return f"| {' | '.join(cells)} |"


if __name__ == "__main__":
    for page in PAGES:
        page.write_text(filled(page.read_text(encoding="utf-8")), encoding="utf-8")
