"""What torchrun's variables say, and trainings that it starts."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import torch

from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.training.ranks import ONE_PROCESS, Ranks
from martlet.workflows.run_folder import Run
from martlet.workflows.train import processes

Same = Callable[[Path, Path], bool]


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets torchrun's variables, and no others of them."""

    def say(**variables: str) -> None:
        for name in ("WORLD_SIZE", *processes.NEEDED):
            monkeypatch.delenv(name, raising=False)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)

    return say


def test_without_torchrun_one_process_trains_alone(said: Callable[..., None]) -> None:
    for variables in ({}, {"WORLD_SIZE": "1", "RANK": "0"}):
        said(**variables)
        assert processes.speaks()
        processes.refuse_several("seeds=2")
        with processes.joined() as ranks:
            assert ranks == ONE_PROCESS


def test_of_several_processes_the_first_one_prints(said: Callable[..., None]) -> None:
    said(WORLD_SIZE="2", RANK="0")
    assert processes.speaks()
    said(WORLD_SIZE="2", RANK="1")
    assert not processes.speaks()
    with pytest.raises(MartletError, match="seeds=2 trains one network after the other, and 2"):
        processes.refuse_several("seeds=2")


@pytest.mark.parametrize(
    ("variables", "sentence"),
    [
        ({"WORLD_SIZE": "two"}, "WORLD_SIZE='two' in the environment is no whole number"),
        ({"WORLD_SIZE": "2", "RANK": "0"}, "but LOCAL_RANK, MASTER_ADDR, MASTER_PORT is missing"),
    ],
)
def test_variables_that_do_not_fit(
    said: Callable[..., None], variables: Mapping[str, str], sentence: str
) -> None:
    said(**variables)
    with pytest.raises(MartletError, match=sentence), processes.joined():
        raise AssertionError


def test_each_process_has_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = list[int]()
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "set_device", taken.append)
    second = Ranks(rank=3, count=4, local=1, local_count=2)
    assert processes.device_of("auto", second) == torch.device("cuda", 1)
    assert processes.device_of("cuda", second) == torch.device("cuda", 1)
    assert taken == [1, 1]
    assert processes.device_of("cpu", second) == torch.device("cpu")
    assert processes.device_of("cuda:0", ONE_PROCESS) == torch.device("cuda", 0)
    with pytest.raises(MartletError, match="device='cuda:0' is one device, and 4 processes need"):
        processes.device_of("cuda:0", second)
    with pytest.raises(MartletError, match=r"3 processes .* it has 2; .*--nproc-per-node 2"):
        processes.device_of("cuda", Ranks(rank=0, count=3, local=0, local_count=3))


def test_who_prints_says_how_work_is_shared() -> None:
    class Batches:
        batch_size, workers = 32, 0

    (line,) = processes.told(Ranks(rank=0, count=4), Batches())  # type: ignore[arg-type]
    assert line.startswith("4 processes, each with 8 inputs of a step and ")
    assert not list(processes.told(ONE_PROCESS, Batches()))  # type: ignore[arg-type]


# The `martlet` command, in which process `rank` sends itself SIGKILL after so many steps.
SCRIPT = """
import json, os, signal, sys
from martlet.cli.main import main
from martlet.training import loop

rank, number = json.loads(sys.argv.pop(1))
steps, step = 0, loop.train_step

def counting(*args):
    global steps
    steps += 1
    if steps > number and os.environ["RANK"] == str(rank):
        os.kill(os.getpid(), signal.SIGKILL)
    return step(*args)

loop.train_step = counting
main()
"""


@pytest.fixture
def torchrun(photos: Path, tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """`martlet train` in two processes, of which one may die."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)

    def run(*options: str, die: tuple[int, int] = (-1, 0)) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
        command += [str(script), json.dumps(die), "train", str(photos), "--folder", str(tmp_path)]
        command += ["--model", "shufflenet_v2_x0_5", "--image-size", "16", "--epochs", "3"]
        command += ["--batch-size", "8", "--device", "cpu", *options]
        environment = {**os.environ, "TORCH_CPP_LOG_LEVEL": "ERROR"}
        return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=300)

    return run


@pytest.mark.parametrize(
    ("rank", "told", "at"),
    [
        pytest.param(
            1, "one of the 2 processes that train has ended", (1, 1), marks=pytest.mark.slow
        ),
        pytest.param(0, "", (1, 0), marks=pytest.mark.long),  # nobody is left to save and to say it
    ],
)
def test_a_killed_worker_ends_the_job_which_resumes_bit_for_bit(
    torchrun: Callable[..., subprocess.CompletedProcess[str]],
    tmp_path: Path,
    same_weights: Same,
    rank: int,
    told: str,
    at: tuple[int, int],
) -> None:
    whole = torchrun("--name", "whole")
    assert whole.returncode == 0, whole.stderr
    assert whole.stderr.count("2 processes, each with 4 inputs of a step") == 1
    killed = torchrun("--name", "killed", die=(rank, 4))  # of three steps an epoch
    assert killed.returncode != 0
    assert told in killed.stderr
    assert killed.stderr.count("error: ") == rank, killed.stderr
    state = checkpoint.load_header(tmp_path / "killed" / "resume.safetensors").state
    assert (state["epoch"], state["batch"]) == at
    resumed = torchrun("--name", "killed", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert same_weights(tmp_path / "killed", tmp_path / "whole")


TOGETHER = {
    "a teacher of mixed, growing pictures": "--mixup 0.2 --cutmix 1 --progressive 0.5 --teacher {}",
    "weighed classes, averages, two batches a step": "--balance weights --ema 0.9 --accumulate 2",
    "drawn classes, views, an early end": "--balance sampling --tta flip --early-stop 2",
    "weights, a head first, labels": "--weights {} --head-epochs 1 --check-labels 3",
    "the classifier in closed form first": "--pretrained {} --few",
}


@pytest.mark.long
@pytest.mark.parametrize("options", TOGETHER.values(), ids=TOGETHER)
def test_options_in_several_processes_resume_bit_for_bit(
    torchrun: Callable[..., subprocess.CompletedProcess[str]],
    trained: Run,
    tmp_path: Path,
    same_weights: Same,
    options: str,
) -> None:
    given = options.format(trained.folder).split()
    whole = torchrun("--name", "whole", *given)
    assert whole.returncode == 0, whole.stderr
    killed = torchrun("--name", "killed", *given, die=(1, 4))
    assert killed.returncode != 0
    resumed = torchrun("--name", "killed", *given, "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert same_weights(tmp_path / "killed", tmp_path / "whole")


@pytest.mark.long
def test_mistakes_are_said_once_and_other_numbers_of_processes_are_named(
    torchrun: Callable[..., subprocess.CompletedProcess[str]],
    quick: Callable[..., Run],
) -> None:
    odd = torchrun("--batch-size", "9")
    assert odd.stderr.count("a step of 9 inputs cannot be shared equally by 2 processes") == 1
    assert odd.stderr.count("error: ") == 1
    usage = torchrun("--epochs", "many")
    assert usage.stderr.count("Invalid value for '--epochs'") == 1
    run = quick(epochs=3, name="one", crop_scale=0.35)
    resumed = torchrun("--name", "one", "--crop-scale", "0.35", "--resume")
    assert resumed.returncode == 0, resumed.stderr
    assert "was started with 1 processes, now there are 2" in resumed.stderr
    assert run.checkpoint.exists()
