"""A trained network, whichever file it lies in, behind one face for evaluate and predict."""

from pathlib import Path

from martlet.errors import MartletError
from martlet.inference import Network, is_compiled, load
from martlet.training.run_files import MODEL


def open_network(path: Path, device: str = "auto") -> Network:
    """The network of a run folder or checkpoint, of an exported .onnx file, or of compiled C.

    Raises MartletError when there is none, and for a `device` that it does not run on.
    """
    if path.suffix == ".onnx" or is_compiled(path):
        if device not in ("auto", "cpu"):
            raise MartletError(
                f"device={device!r} is not accepted for {path}, which runs on the CPU; leave it "
                "out, or give the checkpoint."
            )
        return load(path, threads=1)
    checkpoint = checkpoint_path(path)
    from martlet.workflows.device import choose_device  # torch, which only a checkpoint needs
    from martlet.workflows.torch_network import torch_network

    return torch_network(checkpoint, choose_device(device))


def checkpoint_path(run: Path) -> Path:
    """The checkpoint file of a run folder or of the file itself.

    Raises MartletError when there is none.
    """
    if run.is_dir():
        if not (run / MODEL).exists():
            if is_compiled(run):
                raise MartletError(
                    f"{run} holds a compiled network, which predict, evaluate and measure run; "
                    f"here its checkpoint is needed: give the run's folder or its {MODEL}."
                )
            raise MartletError(
                f"{run} holds no {MODEL} and no compiled network; give the folder of a run that "
                "finished an epoch."
            )
        return run / MODEL
    if not run.exists():
        raise MartletError(f"{run} does not exist; give a run folder or its {MODEL}.")
    return run
