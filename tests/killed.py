"""`train` in processes of their own: killed at a chosen write, at once, or with read-only data."""

import errno
import multiprocessing
import os
import random
import signal
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from martlet.api.train import train
from martlet.training import loop

ROOT = Path(__file__).parent.parent

WRITES = ("open", "os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate")


def killed_at(below: Path, kill_at: int, delay: float) -> None:
    """End this process by SIGKILL at the so-many-th write below a folder, or `delay` s behind it.

    Opening a file to read counts as well: what matters is that all points are reached by chance.
    """
    left = kill_at

    def heard(event: str, values: tuple[Any, ...]) -> None:
        nonlocal left
        if event not in WRITES or not isinstance(values[0], (str, bytes)):
            return
        if not os.fsdecode(values[0]).startswith(str(below)):
            return
        left -= 1
        if left == 0:
            end = threading.Timer(delay, os.kill, (os.getpid(), signal.SIGKILL))
            end.start() if delay else os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(heard)


def as_at_first(below: Path) -> None:
    """A cache below a folder; and processes for inputs as any run has them, not from the server."""
    os.environ["MARTLET_CACHE"] = str(below / "cache")
    if sys.platform == "linux":
        multiprocessing.set_start_method("fork", force=True)


def child(below: Path, kill_at: int, delay: float, data: Path, options: dict[str, Any]) -> None:
    """What the process does; a checkpoint is written after each step."""
    as_at_first(below)
    loop.SAVE_SECONDS = 0.0
    killed_at(below, kill_at, delay)
    train(data, **options)


def forks() -> Any:
    """Where processes come from: one that has imported all that training needs, once."""
    if str(ROOT) not in sys.path:  # which goes with what a process is sent; pytest leaves it out
        sys.path.append(str(ROOT))
    processes = multiprocessing.get_context("forkserver")
    wanted = ["martlet.workflows.train.run", "martlet.workflows.train.finish"]
    processes.set_forkserver_preload(wanted)
    return processes


def train_killed(
    data: Path, below: Path, options: dict[str, Any], kills: int, chance: random.Random, most: int
) -> int:
    """Train in `below`, with its cache there, killed up to so many times; the number of kills.

    Each process is killed at one of its first `most` writes, the next one goes on; the last one is
    let live.
    """
    done = 0
    for number in range(kills + 1):
        last = number == kills
        kill_at = 10**9 if last else chance.randrange(1, most)
        delay = chance.choice((0.0, 0.0, chance.random() / 100))
        given = {**options, "folder": below, "name": "run", "resume": True}
        process = forks().Process(target=child, args=(below, kill_at, delay, data, given))
        process.start()
        process.join()
        if process.exitcode == 0:
            break
        assert process.exitcode == -signal.SIGKILL, process.exitcode
        done += 1
    return done


def read_only(below: Path) -> None:
    """Refuse each write below a folder from now on, to root too, as a disk that is mounted so."""
    writing = os.O_WRONLY | os.O_RDWR | os.O_CREAT

    def heard(event: str, values: tuple[Any, ...]) -> None:
        reads = event == "open" and not values[2] & writing
        if event not in WRITES or reads or not isinstance(values[0], (str, bytes)):
            return
        if os.fsdecode(values[0]).startswith(str(below)):
            raise PermissionError(errno.EROFS, os.strerror(errno.EROFS), os.fsdecode(values[0]))

    sys.addaudithook(heard)


def train_beside(below: Path, data: Path, options: dict[str, Any], readable_alone: bool) -> None:
    """What a process does that trains to its end, with the cache of `below`."""
    as_at_first(below)
    if readable_alone:
        read_only(data)
        with suppress(PermissionError):
            (data / "written").touch()
            os._exit(3)  # nothing was refused
    train(data, **options)


def in_processes(
    below: Path, data: Path, several: Sequence[dict[str, Any]], readable_alone: bool = False
) -> list[int | None]:
    """Train at once, each with its options; the exit codes."""
    started = [
        forks().Process(target=train_beside, args=(below, data, options, readable_alone))
        for options in several
    ]
    for process in started:
        process.start()
    for process in started:
        process.join()
    return [process.exitcode for process in started]
