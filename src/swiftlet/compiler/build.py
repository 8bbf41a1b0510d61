"""From C to a shared library: the system's compiler, or the one in the `ziglang` package."""

import shutil
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

from swiftlet.compiler.targets import Target
from swiftlet.errors import SwiftletError

FLAGS = (
    *("-std=gnu11", "-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math"),
    *("-fPIC", "-shared", "-Wall", "-Wextra", "-Werror"),
)


def find_compiler(name: str | None) -> list[str]:
    """The command of the C compiler: "cc", "gcc", "clang", a path, or "zig" for ziglang's.

    Raises SwiftletError that says what to install when there is none.
    """
    if name == "zig" or (name is None and shutil.which("cc") is None and find_spec("ziglang")):
        if not find_spec("ziglang"):
            raise SwiftletError("compiler='zig' needs the package ziglang: pip install ziglang.")
        return [sys.executable, "-m", "ziglang", "cc"]
    found = shutil.which(name or "cc")
    if found is None:
        raise SwiftletError(
            f"compiler={name or 'cc'!r} is not there: install gcc or clang, or pip install ziglang."
        )
    return [found]


def build(source: Path, library: Path, target: Target, compiler: str | None) -> None:
    """Make the shared library `library` from one C file.

    Raises SwiftletError with the compiler's first complaint when it fails.
    """
    command = find_compiler(compiler)
    if "ziglang" in command:
        flags = target.zig or target.flags
    else:
        flags = target.flags
    called = [*command, *FLAGS, *flags, "-o", str(library), source.name, "-lm"]
    done = subprocess.run(called, cwd=source.parent, capture_output=True, text=True, check=False)
    if done.returncode:
        complaint = next((x for x in done.stderr.splitlines() if "error" in x), done.stderr[:200])
        raise SwiftletError(f"the C compiler refuses {source.name} ({complaint.strip()}).")
