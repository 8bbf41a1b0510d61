"""From C to a shared library: the system's compiler, or the one in the `ziglang` package."""

import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path

from martlet.compiler.targets import FLAGS, Target
from martlet.errors import MartletError, shortened

STRICT = ("-std=gnu11", "-Wall", "-Wextra")
CLEAN_UP_SECONDS = 5.0  # seconds that an interrupted compiler has to clean up
_MUSL = re.compile(r"-linux-gnu[.0-9]*$")
WASM = ("-mexec-model=reactor", "-Wl,--export=__heap_base")


def find_compiler(name: str | None, target: Target) -> list[str]:
    """The command of the C compiler: a name, a path, or "zig" for ziglang's.

    None is the system's `cc` for this machine, and zig for others and where there is no `cc`.
    Raises MartletError that says what to install when there is none.
    """
    if not isinstance(name, str | None):
        raise MartletError(f"compiler={name!r} is not accepted; give gcc, clang, a path or zig.")
    alone = ", or leave the library out (build=False, --no-build)"
    if name is None:
        name = "cc" if target.is_here and shutil.which("cc") else "zig"
        if name == "zig" and not find_spec("ziglang"):
            wanted = "gcc or clang" if target.is_here else f"a compiler for {target.name}"
            raise MartletError(
                f"there is no C compiler for target={target.name!r}: install {wanted}, "
                f"or pip install ziglang{alone}."
            )
    if name == "zig":
        if not find_spec("ziglang"):
            raise MartletError(f"compiler='zig' is not there: pip install ziglang{alone}.")
        return [sys.executable, "-m", "ziglang", "cc"]
    found = shutil.which(name)
    if found is None:
        raise MartletError(
            f"compiler={name!r} is not there: install it, or pip install ziglang{alone}."
        )
    return [found]


def build(
    source: Path,
    library: Path,
    target: Target,
    compiler: str | None,
    exports: list[str],
    more: Sequence[str] = (),
) -> None:
    """Make `library` from one C file; `exports` names the functions that others call.

    `more` are flags behind all others, such as -O1 for what is run once.

    Raises MartletError with the compiler's first complaint when it fails.
    """
    command = find_compiler(compiler, target)
    flags = target.zig if "ziglang" in command and target.zig else target.flags
    kind = ["-shared"] if target.system == "windows" else ["-fPIC", "-shared"]
    if target.system == "wasi":
        kind = [*WASM, *(f"-Wl,--export={name}" for name in exports)]
    if target.system == "macos":  # its own name for itself would be where it is built
        kind.append(f"-Wl,-install_name,@rpath/{library.name}")
    kind.append("-s")  # no symbols that name this machine's folders
    _make([*command, *STRICT, *FLAGS, *flags, *more, *kind], [source], library, target, compiler)


def build_program(
    sources: Sequence[Path],
    program: Path,
    target: Target,
    compiler: str | None,
    more: Sequence[str] = (),
) -> None:
    """Make a program for Linux that needs no library of the machine it will run on.

    Raises MartletError with the compiler's first complaint when it fails.
    """
    command = find_compiler(compiler, target)
    flags = target.flags
    if "ziglang" in command and target.zig:  # musl links statically, for any Linux and Android
        flags = tuple(_MUSL.sub("-linux-musl", word) for word in target.zig)
    words = [*command, *STRICT, *FLAGS, *flags, *more, "-static", "-s"]
    _make(words, sources, program, target, compiler)


def _make(
    words: Sequence[str], sources: Sequence[Path], made: Path, target: Target, compiler: str | None
) -> None:
    """Run the compiler in the folder of the first source."""
    names = [sources[0].name, *(str(source.resolve()) for source in sources[1:])]
    command = [*words, *names, "-o", str(made.resolve()), "-lm"]
    try:
        failed, said = _run(command, sources[0].parent)
    except OSError as error:
        raise MartletError(f"compiler={compiler!r} does not run ({error}).") from error
    if failed or not made.is_file():
        complaint = next((line for line in said.splitlines() if "error" in line), said)
        shown = shortened(complaint, 300) or "it made no file"
        raise MartletError(
            f"{Path(command[0]).name} refuses {names[0]} for target={target.name!r} ({shown})."
        )


def _run(command: Sequence[str], folder: Path) -> tuple[int, str]:
    """Exit status and complaints; the compiler and what it started end when this is interrupted."""
    process = subprocess.Popen(
        command, cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True, errors="replace",
        process_group=None if sys.platform == "win32" else 0,
    )  # fmt: skip
    try:
        said = process.communicate()[1]
    except BaseException:
        _end(process)
        raise
    return process.returncode, said


def _end(process: "subprocess.Popen[str]") -> None:
    """Ask all processes of the group to end, so that they can remove their files; then end them."""
    if sys.platform == "win32":
        process.kill()
    else:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
            with suppress(subprocess.TimeoutExpired):
                process.wait(CLEAN_UP_SECONDS)
            os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
