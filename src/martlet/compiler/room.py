"""Whether a network fits into the memory of a device, and what would."""

from math import sqrt

from martlet.compiler.codegen.header import Facts
from martlet.compiler.ir.program import Program
from martlet.errors import MartletError


def outside_bytes(program: Program) -> int:
    """Bytes of the caller's arrays: all inputs and outputs."""
    tensors = [maps for _, maps in (*program.inputs, *program.outputs)]
    return program.pictures * sum(maps.buffers[0].bytes for maps in tensors)


def check_fits(facts: Facts, ram: int | None, flash: int | None) -> None:
    """Raises MartletError for a network that needs more bytes than there are."""
    outside = outside_bytes(facts.program)
    need = facts.workspace_bytes + outside
    if ram is not None and need > ram:
        raise MartletError(
            f"max_ram={ram:,} bytes are too few: {facts.program.name} needs {need:,} "
            f"({facts.workspace_bytes:,} of workspace, {outside:,} of inputs and outputs), beside "
            f"the stack; what would fit is an input of {ram / need:.0%} of its places"
            f"{_smaller_picture(facts, ram / need)}."
        )
    if flash is not None and facts.weight_bytes > flash:
        raise MartletError(
            f"max_flash={flash:,} bytes are too few: the weights of {facts.program.name} are "
            f"{facts.weight_bytes:,}, beside its code; what would fit is about "
            f"{sqrt(flash / facts.weight_bytes):.2f} of its width."
        )


def _smaller_picture(facts: Facts, share: float) -> str:
    """The side of a square picture of that share, in words; "" for other inputs."""
    shapes = [maps.shape for _, maps in facts.program.inputs]
    if len(shapes) != 1 or len(shapes[0]) != 4 or shapes[0][2] != shapes[0][3]:
        return ""
    return f", about {int(shapes[0][2] * sqrt(share))}×{int(shapes[0][3] * sqrt(share))}"
