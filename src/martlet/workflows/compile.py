"""How `compile` reads its arguments, compiles, and times the layers when asked to."""

from pathlib import Path
from typing import Any

from martlet.arguments import checked
from martlet.compiler import CompiledNetwork, compile_onnx, profile_onnx
from martlet.compiler.targets import target as target_of
from martlet.compiler.toolchain import find_compiler
from martlet.errors import MartletError
from martlet.memory import bytes_of


def compile_file(
    model: Path,
    out: Path | None,
    shape: str | None,
    report: bool,
    *,
    target: str,
    compiler: str | None,
    batch: int,
    library: bool,
    max_ram: str | None = None,
    max_flash: str | None = None,
    **rest: Any,
) -> CompiledNetwork:
    """The network of `compile`; `rest` are more options of `compile_onnx`."""
    model = checked("model", model, Path)
    if not model.is_file():
        raise MartletError(f"{model} does not exist, or is a folder; give an ONNX file.")
    if out is None and not model.suffix:
        raise MartletError(f"out is needed: {model} has no suffix to leave out for a folder.")
    folder = checked("out", model.with_suffix("") if out is None else out, Path)
    chosen = target_of(target)
    if library:
        find_compiler(compiler, chosen)  # an error before the work, not after it
    shapes = _shapes(shape)
    given: dict[str, Any] = {"target": target, "compiler": compiler}
    given |= {"batch": batch, "shapes": shapes}
    for word, size in (("max_ram", max_ram), ("max_flash", max_flash)):
        rest[word] = None if size is None else bytes_of(word, checked(word, size, str))
    profile = profile_onnx(model, **given) if report else None
    net = compile_onnx(model, folder, library=library, **given, **rest)
    if profile is not None:
        from martlet.workflows.layer_report import write_layers  # draws: matplotlib

        write_layers(profile, folder, net.description.name)
        net.profile = profile
    return net


def _shapes(text: str | None) -> dict[str, tuple[int, ...]]:
    """ "1x3x224x224", or "name=1x3x224x224,other=1x5": shapes by input name; "" is the only one.

    Raises MartletError for anything else.
    """
    shapes = {}
    for part in () if text is None else str(text).split(","):
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
