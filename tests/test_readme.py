"""The README's commands are the ones that CI runs, and what it names exists."""

import ast
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


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        assert (ROOT / target).exists(), target
