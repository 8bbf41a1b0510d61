"""How the C library keeps the memory that a training step frees."""

import ctypes
import os

# Of glibc's malloc.h.
M_TRIM_THRESHOLD = -1
M_MMAP_MAX = -4
NEVER_BYTES = 2**31 - 1


def keep_freed_memory() -> bool:
    """Let glibc keep freed memory for the next step; True where it does, False elsewhere.

    A step frees activations of many megabytes and asks for the same again. glibc by default takes
    large blocks from the system and gives them back, so that each step waits while the system
    clears the same pages anew. From now on it takes no block from the system alone and gives
    nothing back before the process ends: call it before the first tensor is made.

    It changes the process for good. The command `martlet train` therefore calls it; who calls
    `martlet.train` from Python decides alone.
    """
    try:
        glibc = os.confstr("CS_GNU_LIBC_VERSION") is not None
        mallopt = ctypes.CDLL(None).mallopt
    except (ValueError, OSError, AttributeError):  # another C library or another system
        return False
    return glibc and bool(mallopt(M_MMAP_MAX, 0) and mallopt(M_TRIM_THRESHOLD, NEVER_BYTES))
