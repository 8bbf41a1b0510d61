"""The architecture diagram: which part may import which, and that nothing goes in a circle."""

import ast
from graphlib import TopologicalSorter
from pathlib import Path

SOURCE = Path(__file__).parent.parent / "src" / "martlet"
EVERYWHERE = ("arguments", "errors", "memory", "named_values", "only_for", "storage", "version")
# What a part may import beside itself; a dotted name is a room, or a file, of a package.
ALLOWED: dict[str, tuple[str, ...]] = {
    "arguments": (),
    "errors": (),
    "memory": (),
    "named_values": (),
    "only_for": (),
    "version": (),
    "storage": (),
    "ops": (),
    "models": ("ops",),
    "data": (),
    "tasks": (
        *("models", "data", "measuring.accuracy", "measuring.boxes", "measuring.box_errors"),
        "report",
    ),
    "training": ("data", "models", "tasks"),
    "measuring": ("ops", "inference"),
    "exporting": ("compiler", "ops", "data", "inference", "tasks"),
    "inference": ("data", "tasks", "compiler"),
    "report": (),
    # for the moment: the results' own classes move to plain data
    "console": (
        *("compiler", "exporting", "inference", "measuring", "models", "report"),
        *("training", "workflows"),
    ),
    "workflows": (
        *("compiler", "console", "data", "exporting", "inference", "measuring", "models"),
        *("report", "tasks", "training"),
    ),
    "api": ("compiler", "exporting", "inference", "measuring", "models", "workflows"),
    "cli": ("api", "console", "workflows"),
    "__init__": ("api", "compiler", "measuring", "models", "workflows"),
    "__main__": ("cli",),
    "compiler.options": (),
    "compiler.targets": (),
    "compiler.toolchain": ("compiler.targets",),
    "compiler.ir": (),
    "compiler.frontend": ("compiler.ir",),
    "compiler.passes": ("compiler.ir",),
    "compiler.kernels": (
        *("compiler.ir", "compiler.codegen.c_text", "compiler.codegen.reroll"),
        "compiler.codegen.writer",
    ),
    "compiler.lowering": ("compiler.ir", "compiler.kernels", "compiler.targets"),
    "compiler.schedule": ("compiler.ir", "compiler.kernels"),
    "compiler.codegen": ("compiler.ir", "compiler.targets"),
    "compiler.runtime": ("compiler.options", "compiler.targets"),
    "compiler.artifacts": (
        *("compiler.codegen", "compiler.runtime", "compiler.targets", "compiler.toolchain"),
    ),
    "compiler.profile": (
        *("compiler.artifacts", "compiler.codegen", "compiler.ir", "compiler.runtime"),
    ),
    "compiler.room": ("compiler.codegen", "compiler.ir"),
    "compiler.pipeline": ("compiler",),
    "compiler.__init__": ("compiler.pipeline", "compiler.runtime"),
}
NO_TORCH = (
    "compiler/",
    "inference/",
    "data/pictures/preprocess.py",
    "data/pictures/decode.py",
    "data/pictures/read.py",
    "data/cache.py",
    "data/odd.py",
    "data/series/preprocess.py",
    "data/series/read.py",
    "data/series/windows.py",
    "data/series/layouts/",
    "report/",
)


def module(path: Path) -> str:
    """A file's dotted name below the package."""
    return ".".join(path.relative_to(SOURCE).with_suffix("").parts)


FILES = {module(path).removesuffix(".__init__"): path for path in SOURCE.rglob("*.py")}


def imports(path: Path) -> set[str]:
    """Dotted names that a file imports, anywhere in it, for type checkers alone too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            names |= {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def own_imports(path: Path) -> set[str]:
    """The package's files that a file imports, as keys of FILES; "" is the package itself."""
    found = set()
    for name in imports(path):
        if name.split(".")[0] == "martlet":
            own = name.removeprefix("martlet").removeprefix(".")
            found.add(own if own in FILES else own.rpartition(".")[0])
    return found


def inside(name: str, part: str) -> bool:
    return name == part or name.startswith(f"{part}.")


def test_imports_go_one_way_only() -> None:
    for path in FILES.values():
        importer = module(path)
        part = ".".join(importer.split(".")[: 2 if inside(importer, "compiler") else 1])
        assert part in ALLOWED, f"{part}: not in the diagram"
        for name in own_imports(path):
            allowed = (part, *ALLOWED[part], *EVERYWHERE)
            assert any(inside(name, other) for other in allowed), f"{importer}: {name or 'martlet'}"


def test_the_diagram_names_what_is_there() -> None:
    named = {*ALLOWED, *(name for names in ALLOWED.values() for name in names)}
    missing = {name.removesuffix(".__init__") for name in named - {"__init__"}} - FILES.keys()
    assert missing == set()


def test_no_circles() -> None:
    graph = {name: own_imports(path) for name, path in FILES.items()}
    TopologicalSorter(graph).prepare()  # names the circle


def test_prediction_needs_no_torch() -> None:
    for path in SOURCE.rglob("*.py"):
        if path.relative_to(SOURCE).as_posix().startswith(NO_TORCH):
            found = {name.split(".")[0] for name in imports(path)}
            assert not found & {"torch", "torchvision"}, path


def test_pyplot_is_left_to_the_user() -> None:
    """Its figures and its backend are global state."""
    assert not [name for name, path in FILES.items() if "matplotlib.pyplot" in imports(path)]
