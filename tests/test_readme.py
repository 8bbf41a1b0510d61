"""The README's commands are the ones that CI runs, and what it names exists."""

import ast
import csv
import re
from pathlib import Path

import martlet
from martlet.cli.main import app

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", README, flags=re.DOTALL | re.MULTILINE)


def test_the_test_command_is_what_ci_runs() -> None:
    command = next(line for line in README.splitlines() if line.endswith(".venv/bin/pytest"))
    assert command in (ROOT / "scripts" / "test").read_text().splitlines()
    assert "scripts/test" in (ROOT / ".ci" / "run").read_text().splitlines()


def test_every_verb_in_the_readme_exists() -> None:
    verbs = {command.name for command in app.registered_commands}
    named = set(re.findall(r"^(?:.*&& \.venv/bin/)?martlet (\w+)", README, flags=re.MULTILINE))
    assert named == verbs


def test_the_python_block_uses_public_names() -> None:
    (block,) = blocks("python")
    used = {
        node.attr
        for node in ast.walk(ast.parse(block))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "martlet"
    }
    assert used <= set(martlet.__all__)
    assert {"train", "evaluate", "predict", "export", "measure"} <= used


def test_the_trees_name_real_folders() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    (tree,) = (block for block in blocks("") if "src/martlet/" in block)
    assert all((ROOT / line.split()[0]).exists() for line in tree.splitlines())
    source, *lines = page.split("```\n")[1].splitlines()
    rooms = [line for line in lines if line[:4].strip() or line.startswith("    ")]
    outer = ""
    for line in rooms:
        name = line.split()[0]
        outer = outer if line.startswith("    ") else name
        inner = name if line.startswith("    ") else ""
        assert (ROOT / source / outer / inner).is_dir(), line


def test_the_table_holds_the_benchmarks_figures() -> None:
    results = (ROOT / "benchmarks" / "results" / "latency.csv").read_text().splitlines()
    measured = {(r["network"], r["engine"], r["threads"]): r for r in csv.DictReader(results)}
    lines = [line for line in README.splitlines() if line.startswith("| `")]
    assert len(lines) >= 5
    for line in lines:
        name, params, macs, size, torch_ms, onnx_ms, c_ms = (
            cell.strip(" `") for cell in line.strip("|").split("|")
        )
        row = measured[name, "onnxruntime", "1"]
        assert params == f"{int(row['params']) / 1e6:.2f} M"
        assert macs == f"{int(row['macs']) / 1e6:.0f} M"
        assert size == f"{int(row['onnx_bytes']) / 1e6:.1f} MB"
        for engine, told in (("torch", torch_ms), ("onnxruntime", onnx_ms), ("martlet", c_ms)):
            assert told == f"{float(measured[name, engine, '1']['median_ms']):.2f}", engine


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
