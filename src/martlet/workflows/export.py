"""How `export` finds the run and the place of what it writes."""

from pathlib import Path

from martlet.compiler import CompiledNetwork
from martlet.errors import MartletError
from martlet.exporting import FORMATS, Exported, Trained, c, export
from martlet.training import checkpoint
from martlet.version import versions
from martlet.workflows.open_network import checkpoint_path


def export_run(run: Path, format: str, output: Path | None) -> Exported | CompiledNetwork:
    """The verified file of `export`, or for C the network to call."""
    chosen, path = FORMATS[format], checkpoint_path(run)
    usual = f"model{chosen.suffix}" if chosen.suffix else chosen.name
    place = path.with_name(usual) if output is None else Path(output)
    if chosen.suffix and place.suffix != chosen.suffix:
        raise MartletError(
            f"output={output} is not accepted; give a name that ends in {chosen.suffix}."
        )
    model, header = checkpoint.load_model(path)
    trained = Trained.of(
        model,
        preprocess=header.preprocess,
        classes=header.classes,
        meta={
            "network": vars(header.network),
            "task": header.task,
            "split": header.split,
            "versions": versions(),
        },
    )
    exported = export(trained, place, chosen)
    if format != "c":
        return exported
    net = c.load(place)
    net.max_difference = exported.max_difference
    return net
