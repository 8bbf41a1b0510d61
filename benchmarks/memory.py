"""What a run needs beside the weights: a compiled network's workspace, and ONNX Runtime's arena.

    python benchmarks/memory.py

The workspace is planned when a network is compiled, and all that it ever needs. The arena is what
ONNX Runtime says in its log that it has asked the system for after three runs; the weights are kept
out of it. Neither depends on how busy the machine is. Writes results/memory.csv.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from exported import exported
from latency_vs_peers import NETWORKS
from record import write_rows

from martlet.compiler import compile_onnx
from martlet.models import spec

RUN = """
import sys
import numpy, onnxruntime
onnxruntime.set_default_logger_severity(0)
options = onnxruntime.SessionOptions()
options.intra_op_num_threads = 1
options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
session = onnxruntime.InferenceSession(sys.argv[1], options)
given = session.get_inputs()[0]
picture = numpy.zeros((1, *given.shape[1:]), numpy.float32)
for _ in range(3):
    session.run(None, {given.name: picture})
"""


def arena_bytes(path: Path) -> int:
    """Bytes of ONNX Runtime's arena, read from its log."""
    command = [sys.executable, "-c", RUN, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = re.findall(r"Extended allocation by (\d+) bytes", done.stdout + done.stderr)
    return sum(map(int, found))


def row(name: str) -> dict[str, Any]:
    """Both figures of one network."""
    with tempfile.TemporaryDirectory() as folder:
        _, path, _ = exported(name, Path(folder))
        net = compile_onnx(path, Path(folder) / "compiled", library=False)
        workspace, arena = net.description.workspace_bytes, arena_bytes(path)
    return {
        "network": spec(name).name,
        "target": net.description.target,
        "lanes": net.description.lanes,
        "workspace_bytes": workspace,
        "onnxruntime_arena_bytes": arena,
        "times": f"{arena / workspace:.1f}",
    }


if __name__ == "__main__":
    write_rows("memory", [row(name) for name in NETWORKS])
