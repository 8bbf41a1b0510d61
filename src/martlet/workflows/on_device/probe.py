"""What another machine says of itself: processor, clocks, governors, temperature, load."""

from collections.abc import Sequence
from dataclasses import dataclass

from martlet.compiler.targets import NAMES, Target
from martlet.compiler.targets import target as target_of
from martlet.errors import MartletError
from martlet.workflows.on_device.connection import Connection

# For any POSIX shell, Android's among them; what cannot be read is left out.
SCRIPT = """
echo "machine $(uname -m)"
echo "system $(uname -s) $(uname -r)"
for core in /sys/devices/system/cpu/cpu[0-9]*; do
  at=$core/cpufreq
  echo "core ${core##*cpu} $(cat $at/cpuinfo_max_freq 2>/dev/null || echo 0) \
$(cat $at/scaling_cur_freq 2>/dev/null || echo 0) \
$(cat $at/scaling_governor 2>/dev/null || echo unknown)"
done
for zone in /sys/class/thermal/thermal_zone*; do
  heat=$(cat $zone/temp 2>/dev/null) && echo "heat $heat $(cat $zone/type 2>/dev/null)"
done
grep -m1 -E '^(model name|Hardware|Model)' /proc/cpuinfo 2>/dev/null
grep -m1 -E '^(flags|Features|isa)' /proc/cpuinfo 2>/dev/null
grep -m1 MemTotal /proc/meminfo 2>/dev/null
echo "load $(cat /proc/loadavg 2>/dev/null)"
getprop ro.product.model 2>/dev/null | sed 's/^/product /'
true
"""
WIDE = {"avx512f", "avx512dq", "avx512bw", "avx512vl"}
HEALTHY = range(1_000, 130_000)  # thousandths of a degree; zones that say something else are none


@dataclass(frozen=True)
class Core:
    """A core: its highest and its present clock in MHz, 0 where unknown, and its governor."""

    number: int
    most_mhz: float
    mhz: float
    governor: str


@dataclass(frozen=True)
class Probe:
    """A machine as it is at one moment."""

    machine: str
    system: str
    cpu: str
    features: frozenset[str]
    cores: Sequence[Core]
    celsius: float | None  # of the hottest zone
    memory_gib: str
    load: str

    @property
    def target(self) -> Target:
        """What to compile for; raises MartletError for a machine that there is no target for."""
        if self.machine == "x86_64" and {"avx2", "fma"} <= self.features:
            return target_of("x86-64-v4" if self.features >= WIDE else "x86-64-v3")
        if self.machine in ("aarch64", "arm64"):
            return target_of("aarch64")
        if self.machine == "riscv64" and any(
            "v" in word.split("_")[0][4:] for word in self.features
        ):
            return target_of("riscv64")
        raise MartletError(
            f"its processor ({self.machine}) is none that C is made for here; accepted: "
            f"{', '.join(NAMES[1:-1])} on Linux or Android."
        )

    def fastest(self, count: int) -> list[Core]:
        """So many cores with the highest clocks, the last of equal ones, which do less else."""
        ranked = sorted(self.cores, key=lambda core: (core.most_mhz, core.number), reverse=True)
        return ranked[:count]


def probe(connection: Connection) -> Probe:
    """Ask the machine; raises MartletError when it does not answer, or is no Linux."""
    return read_probe(connection.run(SCRIPT), connection.name)


def read_probe(said: str, name: str) -> Probe:
    """What the script's lines say."""
    cores, heats, found = [], [], dict[str, str]()
    for line in said.splitlines():
        word, _, rest = line.partition(" ")
        values = rest.split()
        if word == "core" and len(values) == 4 and values[0].isdigit():
            most, mhz = (int(value) / 1000 if value.isdigit() else 0.0 for value in values[1:3])
            cores.append(Core(int(values[0]), most, mhz, values[3]))
        elif word == "heat" and values and values[0].lstrip("-").isdigit():
            heats.append(int(values[0]))
        elif ":" in line:
            key, _, value = line.partition(":")
            found[key.strip().lower()] = value.strip()
        elif rest:
            found[word] = rest.strip()
    system = found.get("system", "")
    if not system.startswith("Linux"):
        raise MartletError(
            f"{name} runs {system or 'something that does not say what it is'}; Linux and Android "
            "can be measured."
        )
    healthy = [heat for heat in heats if heat in HEALTHY]
    words = found.get("flags") or found.get("features") or found.get("isa") or ""
    cpu = found.get("product") or found.get("model name") or found.get("model")
    memory = found.get("memtotal", "").split()
    return Probe(
        machine=found.get("machine", "unknown"),
        system=system,
        cpu=cpu or found.get("hardware") or "unknown",
        features=frozenset(words.split()),
        cores=sorted(cores, key=lambda core: core.number),
        celsius=max(healthy) / 1000 if healthy else None,
        memory_gib=f"{int(memory[0]) / 2**20:.1f}" if memory and memory[0].isdigit() else "unknown",
        load=found.get("load", "unknown").split()[0],
    )
