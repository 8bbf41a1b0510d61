"""Versions of what pyproject.toml asks for: the oldest allowed, and those of the last full run."""

import argparse
import json
import platform
import re
import subprocess
import tomllib
from datetime import date
from importlib.metadata import version
from pathlib import Path

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "testing.md"
BESIDE_THE_TESTS = ("ziglang", "mlflow-skinny", "wandb")  # extras that no test needs
START, END = "<!-- written by scripts/versions.py -->\n", "<!-- end -->\n"


def bounds() -> dict[str, str]:
    """The lower bound of every dependency, those of the extras too."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"].values()
    lines = [*project["dependencies"], *(line for extra in extras for line in extra)]
    return {name: bound for name, _, bound in (line.partition(">=") for line in lines)}


def installed() -> dict[str, str]:
    """Versions that this interpreter would import."""
    found = {name: version(name) for name in bounds() if name not in BESIDE_THE_TESTS}
    return {"python": platform.python_version(), **found}


def record(page: str, day: str, commit: str, newest: dict[str, str], oldest: dict[str, str]) -> str:
    """`page` with the block of the last full run written anew."""
    rows = "".join(f"| {name} | {newest[name]} | {oldest.get(name, '')} |\n" for name in newest)
    said = f"The last full run passed on {day}, at commit {commit}, with these versions:\n\n"
    table = f"| | newest | oldest |\n| --- | --- | --- |\n{rows}"
    block = re.compile(re.escape(START) + ".*?" + re.escape(END), re.DOTALL)
    assert block.search(page), f"{PAGE} has lost the lines around its table"
    return block.sub(lambda _: START + said + table + END, page)


def of(environment: str) -> dict[str, str]:
    """What is installed in another environment of this checkout."""
    command = [str(ROOT / environment / "bin" / "python"), __file__, "installed"]
    return dict(json.loads(subprocess.check_output(command)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=("oldest", "installed", "record"))
    what = parser.parse_args().what
    if what == "oldest":
        print("\n".join(f"{name}=={bound}" for name, bound in bounds().items()))
    elif what == "installed":
        print(json.dumps(installed(), indent=1))
    else:
        commit = subprocess.check_output(
            ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, text=True
        ).strip()
        page = PAGE.read_text(encoding="utf-8")
        today = date.today().isoformat()
        page = record(page, today, commit, of(".venv"), of(".venv-oldest"))
        PAGE.write_text(page, encoding="utf-8")


if __name__ == "__main__":
    main()
