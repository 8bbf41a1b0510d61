"""`compile`: an ONNX file becomes one C file that does nothing but the network."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from martlet.errors import MartletError

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
    from martlet.compiler import compile_onnx, options, profile_onnx
    from martlet.compiler.targets import target as target_of
    from martlet.compiler.toolchain import find_compiler

    model = options.path("model", model, "the path of an ONNX file")
    if not model.is_file():
        raise MartletError(f"{model} does not exist, or is a folder; give an ONNX file.")
    if out is None and not model.suffix:
        raise MartletError(f"out is needed: {model} has no suffix to leave out for a folder.")
    beside = model.with_suffix("") if out is None else out
    folder = options.path("out", beside, "the path of a folder")
    chosen = target_of(target)
    if build:
        find_compiler(compiler, chosen)  # an error before the work, not after it
    shapes = _shapes(options.text("shape", shape, "sides such as 1x3x224x224"))
    profile = None
    if report:
        profile = profile_onnx(model, target=target, compiler=compiler, batch=batch, shapes=shapes)
    net = compile_onnx(
        model,
        folder,
        name=name,
        target=target,
        compiler=compiler,
        weights=weights,
        threads=threads,
        batch=batch,
        shapes=shapes,
        library=build,
    )
    if profile is not None:
        from martlet.workflows.layer_report import write_layers

        write_layers(profile, folder, net.description.name)
        net.profile = profile
    return net


def _shapes(text: str | None) -> dict[str, tuple[int, ...]]:
    """ "1x3x224x224", or "name=1x3x224x224,other=1x5": shapes by input name; "" is the only one.

    Raises MartletError for anything else.
    """
    shapes = {}
    for part in text.split(",") if text else ():
        name, _, sides = part.rpartition("=")
        try:
            shape = tuple(int(side) for side in sides.strip().split("x"))
        except ValueError:
            shape = ()
        if not shape or min(shape) < 1 or name.strip() in shapes:
            raise MartletError(
                f"shape={text!r} is not accepted; give sides such as 1x3x224x224, or "
                "NAME=1x3x224x224 of several inputs, with a comma between them."
            )
        shapes[name.strip()] = shape
    return shapes
