"""A run killed at any moment goes on, and ends with the weights of one that was not."""

import json
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from martlet.console.progress import Voice
from martlet.data.split import Split
from martlet.errors import MartletError
from martlet.training import checkpoint
from martlet.workflows.run_folder import Run
from martlet.workflows.train import plan as train_plan
from martlet.workflows.train import prepare
from martlet.workflows.train import setup as train_setup
from martlet.workflows.train.options import TrainOptions

Same = Callable[[Path, Path], bool]

# A process that has imported everything and forks a child per request, since importing takes
# longer than training here. A request names the moment at which the child sends itself SIGKILL:
# after so many steps or milliseconds, or at the so many-th write, in the middle of it or after
# the rename.
SERVER = """
import json, os, signal, sys, threading
from pathlib import Path
from martlet.workflows.train import finish as train_finish
from martlet.workflows.train import run as train_run
from martlet.api.train import train
from martlet.training import loop
import sklearn.metrics, tensorboard, matplotlib.figure

def die(*_):
    os.kill(os.getpid(), signal.SIGKILL)

def interrupt(*_):
    os.kill(os.getpid(), signal.SIGINT)

def half(source, target):
    content = Path(source).read_bytes()
    Path(source).write_bytes(content[: len(content) // 2])
    die()

def counting(function, number, before=None, after=None):
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

def child(data, folder, when, number, **options):
    log = os.open(f"{folder}.log", os.O_CREAT | os.O_WRONLY | os.O_TRUNC)
    os.dup2(log, 1)
    os.dup2(log, 2)
    if when == "step":
        loop.train_step = counting(loop.train_step, number, after=die)
    elif when == "interrupt":
        loop.train_step = counting(loop.train_step, number, after=interrupt)
    elif when == "time":
        threading.Timer(number / 1000, die).start()
    elif when == "rename":
        os.replace = counting(os.replace, number, before=half)
    elif when == "written":
        os.replace = counting(os.replace, number, after=die)
    os.environ["MARTLET_CACHE"] = f"{folder}.cache"
    loop.SAVE_SECONDS = 0.0  # a checkpoint after every step
    train(data, folder=folder, name="run", model="shufflenet_v2_x0_5", image_size=16, epochs=3,
          batch_size=8, crop_scale=0.6, workers=1, ema=0.9, drop_rate=0.1, **options)

for line in sys.stdin:
    process = os.fork()
    if process == 0:
        code = 1
        try:
            child(**json.loads(line))
            code = 0
        except KeyboardInterrupt:
            code = 130
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(code)
    print(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]), flush=True)
"""


class Driver:
    """Runs `train` in a child process; the exit code, -9 when it was killed."""

    def __init__(self, photos: Path) -> None:
        self.photos = photos
        self.server = subprocess.Popen(
            [sys.executable, "-c", SERVER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def __call__(self, folder: Path, when: str = "", number: int = 0, **options: Any) -> int:
        assert self.server.stdin
        assert self.server.stdout
        folder.mkdir(exist_ok=True)
        asked = {"data": str(self.photos), "folder": str(folder), "when": when, "number": number}
        self.server.stdin.write(json.dumps({**asked, **options}) + "\n")
        self.server.stdin.flush()
        return int(self.server.stdout.readline())

    def said(self, folder: Path) -> str:
        """What the last child printed."""
        return folder.with_name(f"{folder.name}.log").read_text()


@pytest.fixture(scope="module")
def drive(photos: Path) -> Iterator[Driver]:
    driver = Driver(photos)
    yield driver
    driver.server.communicate()


@pytest.fixture(scope="module")
def whole(drive: Driver, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same run without an interruption."""
    folder = tmp_path_factory.mktemp("whole") / "runs"
    assert drive(folder) == 0, drive.said(folder)
    return folder / "run"


def slowly(when: str, number: int) -> object:
    """A place beside others that a plain run tests."""
    return pytest.param(when, number, marks=pytest.mark.slow)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("when", "number"),
    [
        slowly("written", 2),  # the first checkpoint, not yet in its place
        slowly("written", 3),  # split.json, but no checkpoint
        slowly("step", 5),  # in the second epoch, after a checkpoint within it
        ("rename", 9),  # half a checkpoint lies there under its temporary name
        slowly("written", 8),  # the best weights of an epoch, but not yet its checkpoint
        # trained; what is noted of it?
        *(slowly("written", number) for number in (17, 19, 21)),
        *(pytest.param("written", number, marks=pytest.mark.long) for number in (18, 20)),
    ],
)
def test_a_killed_run_ends_with_the_same_weights(
    drive: Driver, tmp_path: Path, whole: Path, same_weights: Same, when: str, number: int
) -> None:
    folder = tmp_path / "runs"
    assert drive(folder, when, number) == -signal.SIGKILL, drive.said(folder)
    assert drive(folder, resume=True) == 0, drive.said(folder)
    assert same_weights(folder / "run", whole)
    assert (folder / "run" / "metrics.csv").read_text().count("\n") == 4
    assert (folder / "run" / "report.html").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "options",
    [
        {"optimizer": "muon", "balance": "sampling", "accumulate": 2, "schedule": "linear"},
        {"optimizer": "rmsprop", "balance": "weights", "clip_grad": 0.5, "early_stop": 2},
        {"optimizer": "adamw", "precision": "bfloat16", "accumulate": 3, "balance": "weights"},
    ],
)
def test_what_moves_weights_is_killed_and_goes_on(
    drive: Driver, tmp_path: Path, same_weights: Same, options: dict[str, Any]
) -> None:
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    assert drive(whole, **options) == 0, drive.said(whole)
    assert drive(folder, "step", 4, **options) == -signal.SIGKILL, drive.said(folder)
    assert drive(folder, resume=True, **options) == 0, drive.said(folder)
    assert same_weights(folder / "run", whole / "run")


@pytest.mark.slow
@pytest.mark.parametrize("number", [1, pytest.param(2, marks=pytest.mark.long)])
def test_a_new_run_killed_before_its_first_checkpoint_keeps_the_old_one(
    drive: Driver, tmp_path: Path, whole: Path, number: int
) -> None:
    folder = tmp_path / "runs"
    old = Path(shutil.copytree(whole, folder / "run"))
    (old / "model.onnx").touch()
    before = {path.name: path.read_bytes() for path in old.iterdir()}
    again = {"overwrite": True, "flip": False}
    assert drive(folder, "rename", number, **again) == -signal.SIGKILL, drive.said(folder)
    assert before.items() <= {p.name: p.read_bytes() for p in old.iterdir() if p.is_file()}.items()
    assert drive(folder, "step", 1, **again) == -signal.SIGKILL, drive.said(folder)
    assert {path.name[:10] for path in old.iterdir()} == {
        *(".martlet.l", "events.out", "resume.saf", "split.json"),
    }


def left(folder: Path) -> set[str]:
    """The names of all files of a run and of its cache, without the numbers in them."""
    files = [*folder.rglob("*"), *folder.with_name(f"{folder.name}.cache").rglob("*")]
    return {re.sub(r"[0-9a-f]{6,}|[0-9.]{6,}", "N", path.name) for path in files}


@pytest.mark.long
def test_twenty_kills_at_any_moment(
    drive: Driver, tmp_path: Path, whole: Path, same_weights: Same
) -> None:
    """Also while the cache, checkpoints and the report are written; nothing is left of them."""
    draw, kills, ends = random.Random(0), 0, 0
    start = time.monotonic()
    assert drive(tmp_path / "timed") == 0
    most = 1100 * (time.monotonic() - start)
    while kills < 20 or not ends:
        folder = tmp_path / f"runs{ends}"
        resume = (folder / "run" / "resume.safetensors").exists()
        again = {"resume": True} if resume else {"overwrite": True}
        code = drive(folder, "time", int(draw.uniform(0, most)) if kills < 20 else 10**6, **again)
        assert code in (0, -signal.SIGKILL), drive.said(folder)
        kills += code != 0
        if code == 0:
            ends += 1
            assert same_weights(folder / "run", whole)
            assert left(folder) == left(whole.parent)
    print(f"{kills} kills, {ends} runs")


@pytest.mark.long
def test_a_run_killed_again_and_again(
    drive: Driver, tmp_path: Path, whole: Path, same_weights: Same
) -> None:
    folder = tmp_path / "runs"
    kills = 0
    for number in range(1, 60):  # each attempt gets a little further than the one before
        if drive(folder, "written", 1 + number % 4, resume=number > 1) == 0:
            break
        kills += 1
    assert kills > 3
    assert same_weights(folder / "run", whole)


@pytest.mark.slow
def test_ctrl_c_leaves_a_checkpoint_and_says_how_to_go_on(
    drive: Driver, tmp_path: Path, whole: Path, same_weights: Same
) -> None:
    folder = tmp_path / "runs"
    assert drive(folder, "interrupt", 4) == 130
    assert "Go on with the same command and --resume" in drive.said(folder)
    _, header = checkpoint.load(folder / "run" / "resume.safetensors")
    assert (header.state["epoch"], header.state["batch"]) == (1, 1)
    assert drive(folder, resume=True) == 0, drive.said(folder)
    assert same_weights(folder / "run", whole)


@pytest.mark.slow
def test_what_cannot_be_resumed_stays(quick: Callable[..., Run]) -> None:
    run = quick(epochs=1)
    before, state = run.checkpoint.read_bytes(), run.folder / "resume.safetensors"
    with pytest.raises(MartletError, match=r"started with other arguments .*epochs: 1 / 2"):
        quick(epochs=2, resume=True)
    with pytest.raises(MartletError, match="are not those that"):
        quick(epochs=1, resume=True, test=0.5)
    (run.folder / "split.json").unlink()
    with pytest.raises(MartletError, match="are not those that"):
        quick(epochs=1, resume=True, test=0.5)
    kept = run.checkpoint.rename(run.folder.parent / "kept")
    with pytest.raises(MartletError, match=r"has lost its model\.safetensors.* with --overwrite"):
        quick(epochs=1, resume=True)
    kept.rename(run.checkpoint)
    state.write_bytes(state.read_bytes()[:5000])
    with pytest.raises(MartletError, match=r"resume\.safetensors is corrupt or cut short"):
        quick(epochs=1, resume=True)
    state.unlink()
    with pytest.raises(MartletError, match=r"no resume\.safetensors to go on from"):
        quick(epochs=1, resume=True)
    assert run.checkpoint.read_bytes() == before


@pytest.mark.parametrize(
    "split",
    [
        *("as it was", "missing"),
        *(
            pytest.param(split, marks=pytest.mark.slow)
            for split in ("of other pictures", "no JSON")
        ),
    ],
)
def test_resume_of_a_finished_run_changes_nothing(
    quick: Callable[..., Run], tmp_path: Path, same_weights: Same, split: str
) -> None:
    run = quick(epochs=1)
    before = Path(shutil.copytree(run.folder, tmp_path / "before"))
    file = run.folder / "split.json"
    if split == "missing":
        file.unlink()
    elif split == "of other pictures":
        saved = json.loads(file.read_text())
        saved["test"].append(saved["train"].pop())
        file.write_text(json.dumps(saved))
    elif split == "no JSON":
        file.write_text("{")
    again = quick(epochs=1, resume=True)
    assert file.read_bytes() == (before / "split.json").read_bytes()
    changing = {"command": "", "date": "", "machine": {}}  # the record holds the machine's load
    assert again.metrics | changing == run.metrics | changing
    assert same_weights(run.folder, before)


@pytest.mark.parametrize(("device", "compiled"), [("cpu", "on"), ("cuda", "off"), ("mps", "off")])
def test_a_long_run_is_compiled_on_a_cpu_alone(
    monkeypatch: pytest.MonkeyPatch, photos: Path, device: str, compiled: str
) -> None:
    """What was measured, and what the line says, is of CPUs."""
    monkeypatch.setattr(train_setup, "can_compile", lambda: True)
    options = TrainOptions(model="shufflenet_v2_x0_5", epochs=10**6, image_size=32)
    plan = train_plan.make_plan(photos, options)
    model = train_plan.make_network(plan, outputs=3).build()
    split = Split(tuple(range(99)), (), (), digests=tuple(map(str, range(99))))
    voice = Voice(quiet=True)
    given = torch.device(device)
    assert prepare.choose_compile(plan, model, split, given, voice) == compiled
    assert prepare.choose_compile(plan, model, split, given, voice, tiled=True) == "off"


@pytest.mark.slow
def test_a_run_that_stopped_early_is_only_scored_again(
    quick: Callable[..., Run], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def never_better(*_: object) -> dict[str, float]:
        return {"val_loss": 1.0, "val_top1": 0.5}

    monkeypatch.setattr("martlet.training.loop.validate", never_better)
    options = {"epochs": 9, "early_stop": 1, "quiet": False}
    run = quick(**options)
    told = "stopped early, 1 epoch behind its best one, epoch 1, whose weights are kept"
    assert f"The run {told}." in " ".join(capsys.readouterr().err.split())
    assert run.metrics["best_epoch"] == 1
    assert (run.folder / "metrics.csv").read_text().count("\n") == 3
    again = quick(**options, resume=True)
    assert f"{told}; it is scored again." in " ".join(capsys.readouterr().err.split())
    assert again.metrics["top1"] == run.metrics["top1"]


def test_early_stop_needs_a_validation_part(quick: Callable[..., Run]) -> None:
    with pytest.raises(MartletError, match=r"^early_stop=3 needs a validation part, and there is"):
        quick(early_stop=3, val=0.0)


@pytest.mark.slow
def test_classes_are_balanced_in_the_loss_or_in_the_draws(
    quick: Callable[..., Run], photos: Path, tmp_path: Path
) -> None:
    data = Path(shutil.copytree(photos, tmp_path / "unequal"))
    for path in sorted((data / "red").iterdir())[5:]:
        path.unlink()
    found = []
    for balance in ("none", "weights", "sampling"):
        quick(data=data, name=balance, balance=balance, epochs=1)
        tensors, _ = checkpoint.load(tmp_path / balance / "resume.safetensors")
        found.append(tensors["model.classifier.weight"])
    assert not any(torch.equal(found[a], found[b]) for a, b in ((0, 1), (0, 2), (1, 2)))
