"""A trained network, whichever file it lies in, behind one face for evaluate and predict."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from martlet.errors import MartletError
from martlet.inference import Network, is_compiled, load
from martlet.training import checkpoint
from martlet.training.run_files import MODEL
from martlet.workflows.device import choose_device


def torch_network(path: Path, device: torch.device) -> Network:
    """A checkpoint run by PyTorch on `device`, with the face of an exported network."""
    model, header = checkpoint.load_model(path)
    model = model.to(device).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def logits(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = torch.from_numpy(batch).to(device)
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return np.asarray(model(inputs).cpu().numpy())

    content = {
        "network": vars(header.network),
        "classes": header.classes,
        "preprocess": header.preprocess.to_dict(),
        "task": header.task,
        "split": header.split,
    }
    return Network(logits, path, content)


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
        return load(path)
    return torch_network(checkpoint_path(path), choose_device(device))


def checkpoint_path(run: Path) -> Path:
    """The checkpoint file of a run folder or of the file itself.

    Raises MartletError when there is none.
    """
    if run.is_dir():
        if not (run / MODEL).exists():
            raise MartletError(
                f"{run} holds no {MODEL} and no compiled network; give the folder of a run that "
                "finished an epoch."
            )
        return run / MODEL
    if not run.exists():
        raise MartletError(f"{run} does not exist; give a run folder or its {MODEL}.")
    return run
