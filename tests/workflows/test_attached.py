"""A `martlet` command that does not outlive the process that started it."""

import os
import subprocess
import sys
import time

import pytest

from martlet.workflows.attached import last_words, start

PARENT = """
import time
from martlet.workflows.attached import start
print(start(["measure", "shufflenet_v2_x0_5", "--seconds", "300"], 1).pid, flush=True)
time.sleep(300)
"""
PATIENCE_SECONDS = 60.0


def test_what_it_said_last_is_an_error_without_its_word() -> None:
    process = start(["show", "no_such_network"], 1)
    said = last_words(process)
    assert process.returncode == 2
    assert said.startswith("model 'no_such_network' is not known")
    assert not said.endswith(".")


@pytest.mark.slow
def test_a_killed_parent_takes_it_along() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    time.sleep(1.0)
    assert alive(child)
    parent.kill()
    parent.wait()
    parent.stdout.close()
    until = time.monotonic() + PATIENCE_SECONDS
    while alive(child) and time.monotonic() < until:
        time.sleep(0.1)
    assert not alive(child)


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits for its parent does not."""
    try:
        os.kill(pid, 0)
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"
    except (ProcessLookupError, FileNotFoundError):
        return False
