from pathlib import Path

import numpy as np
import pytest
import torch

from martlet.errors import MartletError
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import Run
from martlet.workflows.torch_network import torch_network


def test_a_checkpoint_runs_on_the_device_that_is_given(trained: Run) -> None:
    network = torch_network(trained.checkpoint, torch.device("meta"))
    with pytest.raises(NotImplementedError, match="meta"):  # the batch got there; it has no values
        network.logits(np.zeros((1, *network.preprocess.shape), np.float32))


def test_devices_are_checked_for_every_kind_of_file(trained: Run) -> None:
    with pytest.raises(MartletError, match=r"device='tpu' .* accepted: auto, cpu"):
        open_network(trained.folder, "tpu")
    with pytest.raises(MartletError, match=r"device='cuda' is not accepted for m.onnx.*the CPU"):
        open_network(Path("m.onnx"), "cuda")
