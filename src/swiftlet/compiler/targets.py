"""The machines that the C code is made for."""

import platform
from dataclasses import dataclass
from pathlib import Path

from swiftlet.errors import unknown


@dataclass(frozen=True)
class Target:
    """How wide vectors are, how many registers hold them, and what the C compiler is told."""

    name: str
    lanes: int
    registers: int
    flags: tuple[str, ...]
    zig: tuple[str, ...] = ()  # the same for `zig cc`, which builds for other machines
    suffix: str = ".so"  # of what is built


TARGETS = {
    target.name: target
    for target in (
        Target("x86-64-v4", 16, 32, ("-march=x86-64-v4",), ("-target", "x86_64-linux-gnu", "-mcpu=x86_64_v4")),
        Target("x86-64-v3", 8, 16, ("-march=x86-64-v3",), ("-target", "x86_64-linux-gnu", "-mcpu=x86_64_v3")),
        Target("aarch64", 4, 32, ("-march=armv8-a",), ("-target", "aarch64-linux-musl")),
        Target("wasm32", 4, 16, ("-msimd128",), ("-target", "wasm32-wasi", "-mcpu=generic+simd128"), ".wasm"),
        Target("portable", 4, 16, ()),
    )
}


def target(name: str) -> Target:
    """The target of this name; "native" is the machine this runs on."""
    if name == "native":
        return native()
    if name not in TARGETS:
        raise unknown("target", name, ("native", *TARGETS))
    return TARGETS[name]


def native() -> Target:
    """This machine."""
    machine = platform.machine().lower()
    if machine in ("aarch64", "arm64"):
        return Target("native", 4, 32, ("-mcpu=native",))
    if machine in ("x86_64", "amd64"):
        widest = "x86-64-v4" if "avx512vl" in _features() else "x86-64-v3" if "avx2" in _features() else ""
        if widest:
            alike = TARGETS[widest]
            return Target("native", alike.lanes, alike.registers, ("-march=native",))
    return Target("native", 4, 16, ())


def _features() -> set[str]:
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return set()
    lines = path.read_text(encoding="utf-8").splitlines()
    return {word for line in lines if line.startswith("flags") for word in line.split()}
