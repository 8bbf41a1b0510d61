"""How `load` makes a module of a run, a checkpoint or others' weights."""

from pathlib import Path

from martlet.models import Classifier
from martlet.training import checkpoint
from martlet.workflows.convert import open_weights
from martlet.workflows.device import choose_device
from martlet.workflows.open_network import checkpoint_path


def load_network(run: Path, device: str) -> Classifier:
    """The network of `load`."""
    path, place = checkpoint_path(run), choose_device(device)
    header, tensors = open_weights(path)
    model = header.network.build()
    checkpoint.load_weights(model, tensors, path, header.network.name)
    model.classes, model.preprocess = header.classes, header.preprocess
    model.temperature = header.temperature
    return model.eval().to(place)
