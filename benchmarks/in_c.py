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

from martlet.compiler import CompiledNetwork
from martlet.measuring.engines import Array, Engine
from martlet.measuring.latency import WARM_UP_CALLS, Latency, summary

IN_C = ", in C"  # behind the name of the engine that Python calls


class InC:
    """An engine, and the seconds of its calls in every round."""

    def __init__(self, net: CompiledNetwork, name: str, folder: Path) -> None:
        about = net.description
        self._rounds: list[list[float]] = []
        clock = ctypes.CDLL(str(cc(HERE / "timed.c", folder / f"timed_{about.threads}.so"))).timed
        clock.restype = ctypes.c_double
        library = ctypes.CDLL(str((net.folder / str(about.library)).resolve()))
        run = ctypes.cast(library[f"{about.name}_run"], ctypes.c_void_p)
        (shape,) = about.outputs.values()
        output, workspace = np.empty(shape, np.float32), np.empty(about.workspace_bytes, "u1")
        places = [ctypes.c_void_p(array.ctypes.data) for array in (output, workspace)]

        def timed(batch: Array) -> Array:
            self._rounds[-1].append(clock(run, ctypes.c_void_p(batch.ctypes.data), *places))
            assert workspace.size  # it lives as long as `timed`
            return output

        self.engine = Engine(f"{name}{IN_C}", about.threads, timed, self._round)

    @contextmanager
    def _round(self) -> Iterator[None]:
        self._rounds.append([])
        yield

    def latency(self) -> Latency:
        """Of all calls but the first of each round, as for other engines."""
        return summary(self.engine, 1, [spent[WARM_UP_CALLS:] for spent in self._rounds])
