"""`compile`: an ONNX file becomes one C file that does nothing but the network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

if TYPE_CHECKING:
    from martlet.compiler import CompiledNetwork


def compile(
    model: Annotated[Path, "ONNX file, made by any program."],
    out: Annotated[
        Path | None,
        "Folder for the files (default: named as the file, beside it).",
        "--out",
        "-o",
    ] = None,
    *,
    name: Annotated[str | None, "Name of the files and C functions (default: the file's)."] = None,
    target: Annotated[
        str,
        "native, x86-64-v3, x86-64-v4, aarch64, riscv64, wasm32, aarch64-macos, "
        "x86-64-v3-windows, or portable: plain C.",
    ] = "native",
    compiler: Annotated[
        str | None, "C compiler: gcc, clang, a path, or zig (default: cc; zig for others)."
    ] = None,
    weights: Annotated[
        Literal["embedded", "text", "file"],
        "In the program: embedded, or as C text; or in a file that the caller reads and passes.",
    ] = "embedded",
    threads: Annotated[int, "Threads that share each run; they sleep between runs."] = 1,
    batch: Annotated[int, "Batch size, where the file leaves it open."] = 1,
    shape: Annotated[
        str | None, "Shape of the input where the file leaves it open: 1x3x224x224, or NAME=..."
    ] = None,
    stream: Annotated[
        int | None,
        "NAME_push too: takes a recording's samples one by one, and answers every so many of them.",
    ] = None,
    max_ram: Annotated[
        str | None,
        "Bytes for workspace, inputs and outputs, as 320k: memory is saved up to there, and what "
        "does not fit is refused.",
    ] = None,
    max_flash: Annotated[str | None, "Bytes for the weights, as 1M; more are refused."] = None,
    build: Annotated[bool, "Make the shared library too; else the sources alone."] = True,
    report: Annotated[
        bool, "Time every layer, on one thread: NAME_layers.csv and NAME_layers.png."
    ] = False,
) -> "CompiledNetwork":
    """Compile an ONNX file to C: NAME.c, NAME.h, the weights and a shared library.

    The C code allocates nothing, keeps nothing (but its threads, if asked for) and needs nothing
    but memcpy and libm. Other machines' libraries are built by the compiler in the package ziglang.
    Either all files are written or none.

    Returns the network, to be called with NumPy arrays. Raises MartletError for what is no ONNX
    file, what is not supported in it, and when there is no C compiler.
    """
    from martlet.workflows.compile import compile_file

    return compile_file(
        model,
        out,
        shape,
        report,
        name=name,
        target=target,
        compiler=compiler,
        weights=weights,
        threads=threads,
        batch=batch,
        stream=stream,
        max_ram=max_ram,
        max_flash=max_flash,
        library=build,
    )
