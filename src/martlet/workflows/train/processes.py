"""The processes that torchrun starts: how they find each other, and what each of them takes."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from martlet.errors import MartletError

if TYPE_CHECKING:
    import torch

    from martlet.data.loader import Loader
    from martlet.training.ranks import Ranks

NEEDED = ("RANK", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")  # beside WORLD_SIZE
LONGEST = timedelta(days=7)  # that the others wait while the first one reads the data


def count() -> int:
    """Of the processes that train together, as the environment says; MartletError for nonsense."""
    return _number("WORLD_SIZE", 1)


def speaks() -> bool:
    """Whether this process is the one that prints."""
    return os.environ.get("WORLD_SIZE", "1") == "1" or os.environ.get("RANK", "0") == "0"


def refuse_several(what: str, does: str = "trains one network after the other") -> None:
    """Raises MartletError where several processes train together, which `what` cannot use."""
    if count() > 1:
        raise MartletError(
            f"{what} {does}, and {count()} processes are to share one training; start it without "
            "torchrun."
        )


@contextmanager
def joined() -> "Iterator[Ranks]":
    """This process among those that train together: torchrun's variables, or torch's group, say it.

    The group that is made here stays until the process ends: torchrun's store knows no second one.

    Raises MartletError when the variables do not fit, or the others cannot be reached.
    """
    import torch.distributed as dist

    from martlet.training.ranks import Ranks

    made = dist.is_available() and dist.is_initialized()
    if not made and count() == 1:
        yield Ranks()
        return
    if not made:
        _join()
    if dist.get_world_size() == 1:
        yield Ranks()
        return
    local_count = _number("LOCAL_WORLD_SIZE", dist.get_world_size())
    _share_cores(local_count)
    control = dist.new_group(backend="gloo", timeout=LONGEST)
    local = _number("LOCAL_RANK", dist.get_rank())
    yield Ranks(dist.get_rank(), dist.get_world_size(), local, local_count, control)
    dist.destroy_process_group(control)


def device_of(name: str, ranks: "Ranks") -> "torch.device":
    """The device of this name; of several processes each has a GPU of its own.

    Raises MartletError when there are not as many, and for one GPU by its number.
    """
    import torch

    from martlet.workflows.device import choose_device

    device = choose_device(name)
    if ranks.alone or device.type == "cpu":
        return device
    if device.type != "cuda" or ":" in name:
        raise MartletError(
            f"device={name!r} is one device, and {ranks.count} processes need one each; give cuda "
            "or cpu, or start without torchrun."
        )
    there = torch.cuda.device_count()
    if ranks.local_count > there:
        raise MartletError(
            f"{ranks.local_count} processes of this machine need a GPU each, and it has {there}; "
            f"give torchrun --nproc-per-node {there}, or device=cpu."
        )
    torch.cuda.set_device(ranks.local)
    return torch.device("cuda", ranks.local)


def told(ranks: "Ranks", batches: "Loader") -> Iterator[str]:
    """A line on how several processes share the work."""
    import torch

    if not ranks.alone:
        size, threads = batches.batch_size // ranks.count, torch.get_num_threads()
        word = "thread" if threads == 1 else "threads"
        yield f"{ranks.count} processes, each with {size} inputs of a step and {threads} {word}"


def _join() -> None:
    import atexit

    import torch
    import torch.distributed as dist

    from martlet.training.ranks import STUCK

    missing = [name for name in NEEDED if name not in os.environ]
    if missing or not dist.is_available():
        raise MartletError(
            f"WORLD_SIZE={count()} asks for several processes, but "
            f"{', '.join(missing) if missing else 'torch.distributed'} is missing; start with "
            "torchrun, or unset WORLD_SIZE."
        )
    gpu = torch.cuda.is_available() and dist.is_nccl_available()
    try:
        dist.init_process_group("cpu:gloo,cuda:nccl" if gpu else "gloo", timeout=STUCK)
    except (RuntimeError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise MartletError(
            f"the {count()} processes do not find each other at {os.environ['MASTER_ADDR']}:"
            f"{os.environ['MASTER_PORT']} ({reason}); start all of them, with torchrun."
        ) from error
    atexit.register(dist.destroy_process_group)


def _share_cores(local_count: int) -> None:
    """As many threads as there are cores for; torchrun leaves one to each where nothing is said."""
    import torch

    from martlet.data.cache import cores

    if os.environ.get("OMP_NUM_THREADS") == "1" and "TORCHELASTIC_RUN_ID" in os.environ:
        torch.set_num_threads(max(1, cores() // local_count))


def _number(name: str, otherwise: int) -> int:
    text = os.environ.get(name, str(otherwise))
    if not text.isdecimal():
        raise MartletError(f"{name}={text!r} in the environment is no whole number.")
    return max(int(text), 0)
