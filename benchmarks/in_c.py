"""A compiled network as a program in C calls it: its own time, without Python's share of a call.

It takes turns with all other engines, called from Python like them; but the clock that counts is
read in C, right before and behind the run.
"""

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from native import HERE, cc

from swiftlet.compiler import CompiledNetwork
from swiftlet.measuring.engines import Array, Engine
from swiftlet.measuring.latency import WARM_UP_CALLS, Latency

IN_C = ", in C"  # behind the name of the engine that Python calls


class InC:
    """An engine, and the seconds of its calls in every round."""

    def __init__(self, net: CompiledNetwork, name: str, folder: Path) -> None:
        self.name, self.about = f"{name}{IN_C}", net.description
        self._rounds: list[list[float]] = []
        clock = ctypes.CDLL(str(cc(HERE / "timed.c", folder / f"timed_{len(name)}.so"))).timed
        clock.restype = ctypes.c_double
        library = ctypes.CDLL(str((net.folder / str(self.about.library)).resolve()))
        run = ctypes.cast(library[f"{self.about.name}_run"], ctypes.c_void_p)
        (shape,) = self.about.outputs.values()
        output, workspace = np.empty(shape, np.float32), np.empty(self.about.workspace_bytes, "u1")
        places = [ctypes.c_void_p(array.ctypes.data) for array in (output, workspace)]

        def timed(batch: Array) -> Array:
            self._rounds[-1].append(clock(run, ctypes.c_void_p(batch.ctypes.data), *places))
            assert workspace.size
            return output

        self.engine = Engine(self.name, self.about.threads, timed, self._round)

    @contextmanager
    def _round(self) -> Iterator[None]:
        self._rounds.append([])
        yield

    def latency(self) -> Latency:
        """Of all calls but the first of each round, as for other engines."""
        rounds = [1e3 * np.array(spent[WARM_UP_CALLS:]) for spent in self._rounds]
        every = np.concatenate(rounds)
        p10, median, p90 = np.percentile(every, (10, 50, 90))
        medians = tuple(float(np.median(spent)) for spent in rounds)
        shape = (self.about.threads, 1, median, p10, p90, len(rounds), len(every), medians)
        return Latency(self.name, *shape)
