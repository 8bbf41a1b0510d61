"""A `martlet` command in a process of its own that ends when the one that started it is gone.

`python -m martlet.workflows.attached WORDS …` is `martlet WORDS …` until its standard input ends.
The parent holds the other end of that pipe, which the system closes whatever ends the parent, so
that no training goes on that nobody will read.
"""

import os
import runpy
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence

_RUNNING: set["subprocess.Popen[str]"] = set()


def start(words: Sequence[str], threads: int) -> "subprocess.Popen[str]":
    """Begin `martlet words …` on so many threads; what it says on stderr is kept for the caller."""
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
    )
    _RUNNING.add(process)
    return process


def last_words(process: "subprocess.Popen[str]") -> str:
    """Wait for its end; the last line that it said, without "error:" and full stop, or what ended
    it."""
    # Not `communicate`, which would close standard input and so end the process.
    assert process.stderr is not None
    said = process.stderr.read().strip().splitlines()
    process.wait()
    _RUNNING.discard(process)
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            stream.close()
    if process.returncode < 0:
        number = -process.returncode
        memory = ", as the system does when memory runs out" if number == signal.SIGKILL else ""
        return f"it was killed by signal {number}{memory}"
    last = said[-1] if said else f"it ended with code {process.returncode}"
    return last.removeprefix("error: ").rstrip(".")


def end(process: "subprocess.Popen[str]") -> None:
    """End it, if it has not ended."""
    if process.poll() is None:
        process.terminate()
        process.wait()
    _RUNNING.discard(process)


def end_all() -> None:
    """End all that this process has begun; whoever waits for one of them goes on."""
    for process in list(_RUNNING):
        if process.poll() is None:
            process.terminate()


def _end_with_the_parent() -> None:
    with open(0, "rb", closefd=False) as standard_input:
        standard_input.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module("martlet", run_name="__main__", alter_sys=True)
