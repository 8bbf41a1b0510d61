"""A checkpoint run by PyTorch, with the face of an exported network."""

from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from martlet.inference import Network
from martlet.training import checkpoint


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
