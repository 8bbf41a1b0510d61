"""Seconds until `martlet --help` has answered and `import martlet` is done.

    python benchmarks/startup.py

Goals: below 0.3 s and 0.1 s. A bare interpreter is timed in the same rounds, for comparison.
"""

import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from record import write_rows

ROUNDS = 15


def commands() -> dict[str, list[str]]:
    """What is timed."""
    beside = Path(sys.executable).with_name("martlet")
    martlet = str(beside) if beside.exists() else shutil.which("martlet") or "martlet"
    return {
        "python -c pass": [sys.executable, "-c", "pass"],
        "import martlet": [sys.executable, "-c", "import martlet"],
        "martlet --help": [martlet, "--help"],
        "martlet train --help": [martlet, "train", "--help"],
    }


def main() -> None:
    """Print the medians and write benchmarks/results/startup.csv."""
    times: dict[str, list[float]] = {name: [] for name in commands()}
    for _ in range(ROUNDS):
        for name, command in commands().items():
            started = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - started)
    rows = [
        {"what": name, "median_s": round(statistics.median(t), 4), "worst_s": round(max(t), 4)}
        for name, t in times.items()
    ]
    write_rows("startup", rows)


if __name__ == "__main__":
    main()
