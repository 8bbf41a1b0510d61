from pathlib import Path

import numpy as np
import pytest
import torch

import martlet
from martlet.errors import MartletError
from martlet.training.run_files import MODEL
from martlet.workflows.open_network import open_network
from martlet.workflows.run_folder import Run
from martlet.workflows.torch_network import torch_network
from martlet.workflows.train.options import TrainOptions
from martlet.workflows.train.start import start_of


def test_a_checkpoint_runs_on_the_device_that_is_given(trained: Run) -> None:
    network = torch_network(trained.checkpoint, torch.device("meta"))
    with pytest.raises(NotImplementedError, match="meta"):  # the batch got there; it has no values
        network.logits(np.zeros((1, *network.preprocess.shape), np.float32))


def test_devices_are_checked_for_every_kind_of_file(trained: Run) -> None:
    with pytest.raises(MartletError, match=r"device='tpu' .* accepted: auto, cpu"):
        open_network(trained.folder, "tpu")
    with pytest.raises(MartletError, match=r"device='cuda' is not accepted for m.onnx.*the CPU"):
        open_network(Path("m.onnx"), "cuda")


def test_a_compiled_folder_is_not_taken_for_an_unfinished_run(tmp_path: Path) -> None:
    sentence = f"holds a compiled network, which .*; here its checkpoint is needed: .* its {MODEL}"
    (tmp_path / "net.json").write_text('{"made_by": "martlet compile"}')
    for verb in (martlet.load, martlet.show, martlet.export):
        with pytest.raises(MartletError, match=sentence):
            verb(str(tmp_path))
    with pytest.raises(MartletError, match=sentence):
        start_of(TrainOptions(weights=tmp_path))
