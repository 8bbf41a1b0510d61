"""The machines that the C code is made for."""

import platform
from dataclasses import dataclass, replace
from pathlib import Path

from martlet.errors import unknown

# What every C compiler is told, for any target.
FLAGS = ("-O3", "-ffp-contract=fast", "-fno-math-errno", "-fno-trapping-math")
SUFFIXES = {"linux": ".so", "macos": ".dylib", "windows": ".dll", "wasi": ".wasm"}


@dataclass(frozen=True)
class Target:
    """How wide vectors are, how many registers hold them, and what the C compiler is told.

    `machine` and `system` are what its library runs on; `zig` names them to `zig cc`, which builds
    for other machines. A library for Linux needs glibc 2.17 (2014) or newer, 2.27 on RISC-V.
    """

    name: str
    lanes: int
    registers: int
    machine: str
    system: str
    cache: int = 0  # bytes of a core's second cache; 0 where weights cannot be fetched ahead
    flags: tuple[str, ...] = ()  # for gcc and clang
    zig: tuple[str, ...] = ()

    @property
    def suffix(self) -> str:
        """What the library's name ends in."""
        return SUFFIXES.get(self.system, ".so")

    @property
    def is_here(self) -> bool:
        """Whether its library runs on this machine, as far as its kind goes."""
        return (self.machine, self.system) == (here().machine, here().system)


def _target(
    name: str, lanes: int, registers: int, cache: int, triple: str, flag: str, cpu: str = ""
) -> Target:
    machine, system = triple.split(".")[0].split("-")[:2]
    zig = ("-target", triple, *((f"-mcpu={cpu}",) if cpu else ()))
    return Target(name, lanes, registers, machine, system, cache << 10, (flag,), zig)


TARGETS = {
    target.name: target
    for target in (
        _target(
            "x86-64-v4", 16, 32, 1024, "x86_64-linux-gnu.2.17", "-march=x86-64-v4", "x86_64_v4"
        ),
        _target("x86-64-v3", 8, 16, 512, "x86_64-linux-gnu.2.17", "-march=x86-64-v3", "x86_64_v3"),
        _target("aarch64", 4, 32, 256, "aarch64-linux-gnu.2.17", "-march=armv8-a"),
        _target("riscv64", 4, 32, 0, "riscv64-linux-gnu.2.27", "-march=rv64gcv", "baseline_rv64+v"),
        _target("wasm32", 4, 16, 0, "wasm32-wasi", "-msimd128", "generic+simd128"),
        _target(
            "x86-64-v3-windows", 8, 16, 512, "x86_64-windows-gnu", "-march=x86-64-v3", "x86_64_v3"
        ),
        _target("aarch64-macos", 4, 32, 1024, "aarch64-macos", "-mcpu=apple-m1", "apple_m1"),
    )
}
NAMES = ("native", *TARGETS, "portable")


def target(name: str) -> Target:
    """The target of this name.

    "native" is the machine this runs on; "portable" is plain C without vectors for any machine.
    """
    if name == "native":
        return native()
    if name == "portable":
        return replace(here(), name="portable", lanes=1, registers=16, flags=(), zig=())
    if not isinstance(name, str) or name not in TARGETS:
        raise unknown("target", name, NAMES)
    return TARGETS[name]


def here() -> Target:
    """This machine and system, without its vectors."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(machine, machine)
    system = {"Darwin": "macos"}.get(platform.system(), platform.system().lower())
    return Target("native", 1, 32, machine, system)


def native() -> Target:
    """This machine with the widest vectors that it has."""
    plain = here()
    if plain.machine == "aarch64":
        return replace(plain, lanes=4, cache=second_cache() or 256 << 10, flags=("-mcpu=native",))
    if plain.machine != "x86_64":
        return plain
    features = _features()
    flags = ("-march=native",)
    plain = replace(plain, cache=second_cache() or 512 << 10)
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= features:
        return replace(plain, lanes=16, flags=flags)
    if {"avx2", "fma"} <= features:
        return replace(plain, lanes=8, registers=16, flags=flags)
    return replace(plain, lanes=4, registers=16, flags=flags)


def _features() -> set[str]:
    """What the processor has, in the words of Linux; AVX2 is taken for granted elsewhere."""
    path = Path("/proc/cpuinfo")
    if not path.exists():
        return {"avx2", "fma"}
    lines = path.read_text(encoding="utf-8").splitlines()
    return {word for line in lines if line.startswith("flags") for word in line.split()}


def second_cache(folder: Path = Path("/sys/devices/system/cpu/cpu0/cache")) -> int:
    """Bytes of a core's second cache, 0 where the system does not say."""
    for index in sorted(folder.glob("index*")):
        try:
            level, size = ((index / name).read_text().strip() for name in ("level", "size"))
        except OSError:
            continue
        if level == "2" and size.endswith("K") and size[:-1].isdigit():
            return int(size[:-1]) << 10
    return 0
