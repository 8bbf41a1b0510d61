"""A `martlet` command in a process of its own that ends when the one that started it is gone.

`python -m martlet.workflows.attached WORDS …` is `martlet WORDS …` until its standard input ends.
The parent holds the other end of that pipe, which the system closes whatever ends the parent, so
that no training goes on that nobody will read.
"""

import os
import runpy
import subprocess
import sys
import threading
from collections.abc import Sequence


def start(words: Sequence[str], threads: int) -> "subprocess.Popen[str]":
    """Begin `martlet words …` on so many threads; what it says on stderr is kept for the caller."""
    return subprocess.Popen(
        [sys.executable, "-m", __name__, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)},
    )


def last_words(process: "subprocess.Popen[str]") -> str:
    """Wait for its end; the last line that it said, without "error:" and full stop."""
    # Not `communicate`, which would close standard input and so end the process.
    assert process.stderr is not None
    said = process.stderr.read().strip().splitlines()
    process.wait()
    for stream in (process.stdin, process.stderr):
        if stream is not None:
            stream.close()
    last = said[-1] if said else f"it ended with code {process.returncode}"
    return last.removeprefix("error: ").rstrip(".")


def _end_with_the_parent() -> None:
    with open(0, "rb", closefd=False) as standard_input:
        standard_input.read()
    os._exit(1)


if __name__ == "__main__":
    threading.Thread(target=_end_with_the_parent, daemon=True).start()
    runpy.run_module("martlet", run_name="__main__", alter_sys=True)
