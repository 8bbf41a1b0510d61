"""How much memory may still be taken, in words too, and how many inputs share it at a time."""

import os
import re
import sys
from contextlib import suppress
from math import prod
from pathlib import Path

from martlet.errors import MartletError

MEMINFO = Path("/proc/meminfo")
SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kMGT]?)B?", re.IGNORECASE)
EVAL_VALUES = 2**26  # of the inputs that are scored at a time, at most
CGROUP = Path("/sys/fs/cgroup")  # version 2: the limit of a container


def available_bytes() -> int | None:
    """Of memory that this process may still take; None where the system does not say."""
    found = [_of_machine(), _of_container(), _of_process()]
    return min((size for size in found if size is not None), default=None)


def peak_bytes() -> int | None:
    """The most memory that this process has held so far; None where the system does not say."""
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def require_memory(needed: int, what: str, way_out: str) -> None:
    """Raises MartletError when `what` needs more bytes than there are.

    `needed` is to be a number that is certainly needed: what would work is never refused.
    """
    available = available_bytes()
    if available is not None and needed > available:
        raise MartletError(
            f"{what} needs {in_words(needed)} of memory at least, and {in_words(available)} are "
            f"free; {way_out}."
        )


def eval_batch_size(shape: tuple[int, ...], usual: int = 64) -> int:
    """Inputs of `shape` that are scored at a time: as many as usual, and fewer of large ones."""
    return max(1, min(usual, EVAL_VALUES // prod(shape)))


def in_words(size: int) -> str:
    """ "4.3 GB", "12 MB", "50 kB"; the number may be of any size."""
    if size >= 10**15:
        return "more than a million GB"
    if size < 10**6:
        return f"{size / 1e3:,.0f} kB" if size >= 10**3 else f"{size} bytes"
    return f"{size / 1e9:,.1f} GB" if size >= 10**9 else f"{size / 1e6:,.0f} MB"


def bytes_of(name: str, text: str) -> int:
    """The bytes that an option says, as "500MB": kB, MB, GB and TB are powers of 1000.

    Raises MartletError, which names the option, for anything else.
    """
    found = SIZE.fullmatch(text.strip())
    size = (
        float(found[1]) * 1000 ** ("", "k", "m", "g", "t").index(found[2].lower()) if found else 0
    )
    if not 1 <= size < 10**18:
        raise MartletError(
            f"{name}={text!r} is not accepted; give a size, as 320kB, 500MB or 20GB."
        )
    return int(size)


def _of_machine() -> int | None:
    with suppress(OSError, ValueError, IndexError):
        for line in MEMINFO.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    with suppress(AttributeError, OSError, ValueError):  # all of it, where nothing says the rest
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _of_container() -> int | None:
    with suppress(OSError, ValueError):
        limit = int((CGROUP / "memory.max").read_text())  # "max" is no number
        used = int((CGROUP / "memory.current").read_text())
        for line in (CGROUP / "memory.stat").read_text().splitlines():
            if line.startswith("inactive_file "):  # of the page cache: given back when needed
                used -= int(line.split()[1])
        return max(limit - used, 0)
    return None


def _of_process() -> int | None:
    """What `ulimit -v` leaves."""
    if sys.platform == "win32":
        return None
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit == resource.RLIM_INFINITY:
        return None
    with suppress(OSError, ValueError, IndexError):
        pages = int(Path("/proc/self/statm").read_text().split()[0])
        return max(limit - pages * os.sysconf("SC_PAGE_SIZE"), 0)
    return limit
