"""A run killed at any moment goes on, and ends with the weights of one that was not."""

import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from swiftlet.api.run import Run
from swiftlet.errors import SwiftletError
from swiftlet.train import checkpoint

# Runs `train` and sends itself SIGKILL at a moment that a test names: after so many steps, or at
# so many-th write, before, in the middle of, or after the rename.
DRIVER = """
import os, signal, sys
from pathlib import Path
from swiftlet.api.train import train
from swiftlet.train import loop
import swiftlet.files

data, folder, when, number, resume = sys.argv[1:]
number = int(number)

def die():
    os.kill(os.getpid(), signal.SIGKILL)

def counting(function, before=None, after=None):
    calls = 0
    def wrapped(*args, **kwargs):
        nonlocal calls
        calls += 1
        if before and calls == number:
            before(*args)
        result = function(*args, **kwargs)
        if after and calls == number:
            after(*args)
        return result
    return wrapped

def half(source, target):
    content = Path(source).read_bytes()
    Path(source).write_bytes(content[: len(content) // 2])
    die()

if when == "step":
    loop.train_step = counting(loop.train_step, after=lambda *args: die())
elif when == "rename":
    os.replace = counting(os.replace, before=half)
elif when == "written":
    os.replace = counting(os.replace, after=lambda *args: die())
elif when == "interrupt":
    loop.train_step = counting(
        loop.train_step, after=lambda *args: os.kill(os.getpid(), signal.SIGINT)
    )
loop.SAVE_SECONDS = 0.0  # a checkpoint after every step
train(
    data, folder=folder, name="run", resume=resume == "resume", model="shufflenet_v2_x0_5",
    image_size=16, epochs=3, batch_size=8, crop_scale=0.6, workers=1, ema=0.9, drop_rate=0.1,
)
"""


def drive(
    photos: Path, folder: Path, when: str = "", number: int = 0, resume: bool = False
) -> subprocess.CompletedProcess[str]:
    arguments = [str(photos), str(folder), when, str(number), "resume" if resume else "start"]
    return subprocess.run(
        [sys.executable, "-c", DRIVER, *arguments], capture_output=True, text=True, check=False
    )


def same_weights(one: Path, other: Path) -> bool:
    for name in ("model.safetensors", "resume.safetensors"):
        mine, _ = checkpoint.load(one / name)
        theirs, _ = checkpoint.load(other / name)
        if mine.keys() != theirs.keys():
            return False
        if not all(torch.equal(mine[key], theirs[key]) for key in mine):
            return False
    return True


@pytest.fixture(scope="module")
def whole(photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run without an interruption."""
    folder = tmp_path_factory.mktemp("whole")
    done = drive(photos, folder)
    assert done.returncode == 0, done.stderr
    return folder / "run"


@pytest.mark.parametrize(
    ("when", "number"),
    [
        ("step", 5),  # in the second epoch, after a checkpoint within it
        ("rename", 6),  # half a checkpoint lies there under its temporary name
        pytest.param("rename", 1, marks=pytest.mark.slow),  # before anything is written
        pytest.param("written", 1, marks=pytest.mark.slow),  # split.json, but no checkpoint
        pytest.param("written", 6, marks=pytest.mark.slow),
        pytest.param("written", 7, marks=pytest.mark.slow),
        pytest.param("step", 1, marks=pytest.mark.slow),
        pytest.param("step", 9, marks=pytest.mark.slow),  # the very last step
        pytest.param("written", 16, marks=pytest.mark.slow),  # trained, no report yet
    ],
)
def test_a_killed_run_ends_with_the_same_weights(
    photos: Path, tmp_path: Path, whole: Path, when: str, number: int
) -> None:
    killed = drive(photos, tmp_path, when, number)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    resumed = drive(photos, tmp_path, resume=True)
    assert resumed.returncode == 0, resumed.stderr
    assert same_weights(tmp_path / "run", whole)
    assert (tmp_path / "run" / "metrics.csv").read_text().count("\n") == 4
    assert (tmp_path / "run" / "report.html").exists()


@pytest.mark.slow
def test_a_run_killed_again_and_again(photos: Path, tmp_path: Path, whole: Path) -> None:
    for attempt in range(20):
        arguments = [str(photos), str(tmp_path), "", "0", "resume" if attempt else "start"]
        process = subprocess.Popen([sys.executable, "-c", DRIVER, *arguments], stderr=-3, stdout=-3)
        try:
            process.wait(timeout=3.0 + 0.4 * attempt)
            break
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert process.returncode == 0
    assert attempt > 0
    assert same_weights(tmp_path / "run", whole)


def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(
    photos: Path, tmp_path: Path, whole: Path
) -> None:
    stopped = drive(photos, tmp_path, "interrupt", 4)
    assert stopped.returncode in (130, 1, -signal.SIGINT)
    assert "Go on with the same command and --resume" in stopped.stderr
    _, header = checkpoint.load(tmp_path / "run" / "resume.safetensors")
    assert (header.state["epoch"], header.state["batch"]) == (1, 1)
    resumed = drive(photos, tmp_path, resume=True)
    assert resumed.returncode == 0, resumed.stderr
    assert same_weights(tmp_path / "run", whole)


def test_resume_with_other_arguments_is_refused(quick: Callable[..., Run]) -> None:
    run = quick(epochs=1)
    before = run.checkpoint.read_bytes()
    with pytest.raises(SwiftletError, match=r"started with other arguments .*epochs: 1 / 2"):
        quick(epochs=2, resume=True)
    with pytest.raises(SwiftletError, match="are not those that"):
        quick(epochs=1, resume=True, test=0.5)
    assert run.checkpoint.read_bytes() == before


def test_resume_of_a_finished_run_changes_nothing(quick: Callable[..., Run]) -> None:
    run = quick(epochs=1)
    tensors, _ = checkpoint.load(run.checkpoint)
    again = quick(epochs=1, resume=True)
    assert {**again.metrics, "command": ""} == {**run.metrics, "command": ""}
    after, _ = checkpoint.load(run.checkpoint)
    assert all(torch.equal(tensors[name], after[name]) for name in tensors)


def test_a_damaged_checkpoint_is_named(quick: Callable[..., Run]) -> None:
    run = quick(epochs=1)
    path = run.folder / "resume.safetensors"
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(SwiftletError, match=r"resume\.safetensors is corrupt or cut short"):
        quick(epochs=1, resume=True)
