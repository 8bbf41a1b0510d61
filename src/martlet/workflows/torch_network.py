"""A checkpoint run by PyTorch, with the face of an exported network."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from martlet.data.kind import AnyPreprocess
from martlet.data.scenes.preprocess import ScenePreprocess
from martlet.inference import Network
from martlet.models.detectors import Detector
from martlet.models.hybridsn import HybridSN
from martlet.models.whole_scene import WholeScene
from martlet.tasks.detection.selecting import Selecting
from martlet.tasks.temperature import divided
from martlet.training import checkpoint

TILE = 128  # side in pixels of what is labelled at once of a scene; larger ones are no faster


def torch_network(path: Path, device: torch.device) -> Network:
    """A checkpoint run by PyTorch on `device`, with the face of an exported network.

    Its logits are divided by the checkpoint's temperature, as an exported network's are. Of a
    detector's answers it selects the boxes, (N, 100, 6). One for scenes labels tiles of up to TILE
    pixels square.
    """
    model, header = checkpoint.load_model(path)
    preprocess = header.preprocess
    if isinstance(preprocess, ScenePreprocess) and isinstance(model, HybridSN):
        return _of_scenes(WholeScene(model), replace(preprocess, tile=TILE), path, header, device)
    model, temperature = model.to(device).to(memory_format=torch.channels_last), header.temperature
    run: nn.Module = Selecting(model) if isinstance(model, Detector) else model

    @torch.inference_mode()
    def logits(batch: NDArray[np.float32]) -> NDArray[np.float32]:
        inputs = torch.from_numpy(batch).to(device)
        if inputs.ndim == 4:
            inputs = inputs.contiguous(memory_format=torch.channels_last)
        return divided(np.asarray(run(inputs).cpu().numpy()), temperature)

    return Network(logits, path, _content(header, preprocess))


def _of_scenes(
    model: WholeScene,
    preprocess: ScenePreprocess,
    path: Path,
    header: checkpoint.Header,
    device: torch.device,
) -> Network:
    model = model.to(device).eval()

    @torch.inference_mode()
    def logits(tiles: NDArray[np.float32]) -> NDArray[np.float32]:
        one_by_one = [model(torch.from_numpy(tile[None]).to(device)).cpu() for tile in tiles]
        return divided(np.asarray(torch.cat(one_by_one).numpy()), header.temperature)

    return Network(logits, path, _content(header, preprocess), any_size=True)


def _content(header: checkpoint.Header, preprocess: AnyPreprocess) -> dict[str, Any]:
    return {
        "network": vars(header.network),
        "classes": header.classes,
        "preprocess": preprocess.to_dict(),
        "task": header.task,
        "split": header.split,
        "colours": header.metrics.get("colours"),
        **calibration_of(header),
    }


def calibration_of(header: checkpoint.Header) -> dict[str, Any]:
    """What a file says of its logits: the temperature that they are divided by, the threshold."""
    unknown = {} if header.unknown is None else {"unknown": header.unknown.to_dict()}
    return {"temperature": header.temperature, **unknown}
