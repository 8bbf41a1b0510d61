import os
import subprocess
import sys

import pytest

# Blocks of 64 MiB, taken and freed: how many pages does the system clear for the second half?
SCRIPT = """
import ctypes, resource, sys
from martlet.workflows.allocator import keep_freed_memory
if sys.argv[1] == "keep":
    assert keep_freed_memory()
def work():
    ctypes.memset(ctypes.create_string_buffer(1 << 26), 1, 1 << 26)
work()
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(4):
    work()
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif("CS_GNU_LIBC_VERSION" not in getattr(os, "confstr_names", {}), reason="glibc")
def test_freed_memory_is_used_again() -> None:
    words = [sys.executable, "-c", SCRIPT]
    faults = [int(subprocess.check_output([*words, how])) for how in ("plain", "keep")]
    assert faults[1] < faults[0] / 10
