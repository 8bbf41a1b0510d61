"""The architecture diagram: which package may import which."""

import ast
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "martlet"
EVERYWHERE = {"errors", "storage"}
ALLOWED: dict[str, set[str]] = {
    "ops": set(),
    "models": {"ops"},
    "data": set(),
    "compiler": set(),
    "inference": {"data", "compiler"},
    "measuring": {"inference", "ops", "compiler"},
    "training": {"data", "models"},
    "exporting": {"data", "inference", "ops"},
    "report": set(),
    # for the moment: the results' own classes move to plain data
    "console": {"api", "workflows", "training", "measuring", "exporting", "inference", "report"}
    | {"compiler", "models"},
    "workflows": {
        *("compiler", "console", "data", "models", "inference", "measuring"),
        *("training", "exporting", "report", "api"),
    },
    "api": {"compiler", "console", "data", "exporting", "inference", "measuring", "models"}
    | {"training", "workflows"},
    "cli": {"api", "console", "workflows"},
    "errors": set(),
    "storage": set(),
    "__init__": {"api", "compiler", "measuring", "models", "workflows"},
    "__main__": {"cli"},
}
NO_TORCH = (
    "compiler/",
    "inference/",
    "data/pictures/preprocess.py",
    "data/pictures/decode.py",
    "data/pictures/read.py",
    "data/cache.py",
)


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, anywhere in it."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def test_imports_go_one_way_only() -> None:
    for path in SOURCE.rglob("*.py"):
        package = path.relative_to(SOURCE).parts[0].removesuffix(".py")
        for name in imports(path):
            if name.startswith("martlet.") and name.split(".")[1] in ALLOWED:
                allowed = ALLOWED[package] | EVERYWHERE | {package}
                assert name.split(".")[1] in allowed, f"{path.relative_to(SOURCE)}: {name}"


def test_prediction_needs_no_torch() -> None:
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).as_posix().startswith(NO_TORCH):
            found = {name.split(".")[0] for name in imports(path)}
            assert not found & {"torch", "torchvision"}, path
