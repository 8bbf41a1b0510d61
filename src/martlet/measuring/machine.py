"""The record of the machine that a measured number needs to mean anything."""

import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

LIBRARIES = ("martlet", "torch", "onnxruntime", "numpy")


def machine() -> dict[str, str]:
    """Processor, cores, memory, system and library versions; no name of the host or the user."""
    record = {
        "cpu": _cpu(),
        "architecture": platform.machine(),
        "cores": str(os.cpu_count() or 1),
        "usable_cores": str(_usable_cores()),
        "memory_gib": _memory(),
        "load_average": _load(),
        "os": f"{platform.system()} {platform.release().split('-')[0]}",
        "python": platform.python_version(),
    }
    for library in LIBRARIES:
        try:
            record[library] = version(library)
        except PackageNotFoundError:
            record[library] = "not installed"
    return record


def _cpu() -> str:
    """The processor's own name; what `platform` knows where the system does not say."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name" and value.strip():
                return value.strip()
    except OSError:
        pass
    if platform.system() == "Darwin":
        command = ["sysctl", "-n", "machdep.cpu.brand_string"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False)
        if answer.stdout.strip():
            return answer.stdout.strip()
    return platform.processor() or platform.machine() or "unknown"


def _usable_cores() -> int:
    """Cores this process may run on: a container or `taskset` often allows fewer than there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _load() -> str:
    """Processes that wanted a core during the last minute: well above 0 means a busy machine."""
    try:
        return f"{os.getloadavg()[0]:.2f}"
    except (AttributeError, OSError):
        return "unknown"


def _memory() -> str:
    try:
        return f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f}"
    except (AttributeError, OSError, ValueError):
        return "unknown"
