"""The README's commands are the ones that CI runs, and what it names exists."""

import ast
import csv
import re
from pathlib import Path
from statistics import mean

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


def rows(name: str, **wanted: str) -> list[dict[str, str]]:
    """Those of a benchmark's results that have these values."""
    with (ROOT / "benchmarks" / "results" / f"{name}.csv").open(encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    return [row for row in found if all(row[key] == value for key, value in wanted.items())]


def test_figures_of_scenes_and_recordings_are_those_of_the_results() -> None:
    """A result that was measured anew is written anew here, too."""
    said = " ".join(README.split())
    right = {}
    for method in ("hybridsn", "svm"):
        for protocol in ("disjoint", "random"):
            runs = rows("scenes", method=method, protocol=protocol, train_share="0.1")
            assert len(runs) == 5
            right[method, protocol] = f"{100 * mean(float(run['overall']) for run in runs):.1f} %"
    one, other = (f"{right['hybridsn', p]} {{}} {right['svm', p]}" for p in ("disjoint", "random"))
    assert one.format("of the test pixels right, an SVM on single spectra") in said
    assert f"under the random split {other.format('and')}, which is optimistic" in said
    whole, windows = (
        rows("whole_scene", how=how)[0]["seconds"]
        for how in ("whole scene, PyTorch", "windows, batches of 64, PyTorch")
    )
    assert f"in {whole} s instead of {windows} s" in said
    ours = rows("series", data="motionsense", model="shufflenet_series_mixed")
    theirs = rows("series", data="motionsense", model="minirocket")
    assert (len(ours), len(theirs)) == (12, 12)
    for runs, words in ((ours, "of the windows right with"), (theirs, "with")):
        share = 100 * mean(float(run["accuracy"]) for run in runs)
        assert f"{share:.1f} % {words} {int(runs[0]['params']):,}" in said
    (stream,) = rows(
        "series_stream", network="shufflenet_series_mixed", target="native", stride="16"
    )
    assert f"{int(stream['samples_per_second']) / 1e6:.1f} million samples" in said
    assert f"in {int(stream['ram_bytes']) / 1000:.0f} kB of memory" in said


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


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
