"""What the tours of `demo` have in common: a name, and the verbs that come behind training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from martlet.console import network_tables, tables
from martlet.console.progress import Voice
from martlet.measuring.cost import cost
from martlet.training import checkpoint
from martlet.workflows.evaluate import score
from martlet.workflows.export import export_run
from martlet.workflows.predict import answers
from martlet.workflows.run_folder import EXPORTED, Run


def free_name(folder: Path, name: str) -> str:
    """`name`, or `name`-2, -3, … : the first that does not exist in `folder`."""
    number, candidate = 1, name
    while (folder / candidate).exists():
        number += 1
        candidate = f"{name}-{number}"
    return candidate


def evaluated(
    run: Run, data: Path, voice: Voice, quiet: bool, options: Mapping[str, Any] | None = None
) -> None:
    """The run's test part is scored."""
    metrics = score(run.folder, data, "test", 0.01, "auto", quiet, options)
    tables.evaluated(metrics, voice.console)


def counted(run: Run, voice: Voice, what: str) -> None:
    """What one input, a picture or a window, costs."""
    model, header = checkpoint.load_model(run.checkpoint)
    network_tables.cost_line(cost(model, (1, *header.preprocess.shape)), voice.console, what)


def exported(run: Run, voice: Voice) -> None:
    """The run as an ONNX file."""
    voice.heading("5. export to ONNX, verified against PyTorch")
    tables.exported(export_run(run.folder, "onnx", None), voice.console)


def predicted(
    run: Run, sources: Sequence[Path], voice: Voice, options: Mapping[str, Any] | None = None
) -> None:
    """The exported file answers."""
    found = answers(run.folder / EXPORTED, sources, 3, "auto", options or {})
    tables.predicted(found, voice.console)


def ended(run: Run, voice: Voice, look: str, next_line: str, command: str) -> None:
    """What was made, where to look, and what comes next."""
    voice.heading("done")
    voice.say(f"made {run.folder}: {', '.join(sorted(p.name for p in run.folder.iterdir()))}")
    voice.say(look)
    voice.say(next_line)
    voice.say(f"  {command}")
